"""The model card of a combination: of what it was made, what it is worth, what was exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from advisor.render.grid import Grid
from advisor.render.markdown_parts import code, escape, prose, table
from advisor.render.safe import percent, words

if TYPE_CHECKING:
    from advisor.schema.combine import CombineRecord
    from advisor.schema.export import ExportRecord

_VERDICTS = {
    "keep": "It was **kept** on the task of every part.",
    "discard": "Verification says **discard** on the task of a part.",
    "inconclusive": "Verification is **inconclusive**: it is not shown to help on every task.",
    "unverified": "Nothing shows what it is worth: it was **not verified**.",
}


def to_combined_card(combined: CombineRecord, record: ExportRecord) -> str:
    """README.md of a combination's export; it names parts by their folders, without their place."""
    lines = [f"# {escape(PurePath(combined.combined.output_dir).name, 80)}", ""]
    for section in (_made(combined), _verdict(combined, record), _export(record)):
        lines.extend(section)
    return "\n".join(lines).rstrip() + "\n"


def _made(combined: CombineRecord) -> Iterator[str]:
    yield from (f"Several tuned models made into one by {code(combined.combined.how)}.", "")
    rows = tuple(
        (_name(model), f"{weight:g}")
        for model, weight in zip(combined.models, combined.weights, strict=True)
    )
    yield from table(Grid(("Part", "Weight"), rows, right=(1,)))


def _name(place: str) -> str:
    """The last folder that is a name; runs keep their models in one called final."""
    parts = [part for part in PurePath(place).parts if part not in ("final", "training")]
    return parts[-1] if parts else place


def _verdict(combined: CombineRecord, record: ExportRecord) -> Iterator[str]:
    holds = record.verification == combined.verdict  # it was given for other weights where not
    yield from ("## Verdict", "", _VERDICTS[combined.verdict if holds else "unverified"], "")
    if record.anyway:
        told = f"Shipped although it was not kept, by the user's word: {record.anyway}"
        yield from (prose(told), "")
    rows = tuple(
        (PurePath(run).name, one.tuned.metric, f"{one.tuned.n:,}", percent(one.tuned.value),
         words(one.verdict))
        for run, one in combined.verifications.items()
    )  # fmt: skip
    if rows and holds:
        yield from table(Grid(("Task", "Metric", "n", "Score", "Verdict"), rows, right=(2, 3)))
    if combined.warnings:
        yield from (*(f"- {prose(line)}" for line in combined.warnings), "")


def _export(record: ExportRecord) -> Iterator[str]:
    found, agreed = record.exported, record.agreement
    tasks = record.agreements or ({"": agreed} if agreed is not None else {})
    precision = f", weights in {found.precision}" if found.precision else ""
    yield from ("## This export", "", f"Written as {code(found.exporter)}{precision}.", "")
    if not any(one.n for one in tasks.values()):
        yield "It was **not compared** with the combination."
    for task, one in tasks.items():
        of = f" of {escape(task, 80)}" if task else ""
        if one.n:
            yield (
                f"Asked the same {one.n:,} questions{of} as the combination, it gave the same"
                f" answer {one.equal:,} times ({percent(one.share)}): {words(one.verdict)}."
            )
    yield ""
    told = (*(agreed.problems if agreed else ()), *record.warnings, *found.notes)
    yield from (f"- {prose(line)}" for line in told)
