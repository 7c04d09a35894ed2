"""What ships and what people said: exports with their proof, combinations, blind judgement."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Code, Heading, Section, Table, Text
from advisor.render.grid import Grid
from advisor.render.proof_words import level_header
from advisor.render.review_words import WINNERS, judged_words, judgements, preference_sentence
from advisor.render.safe import UNKNOWN, percent, percent_range, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.export import Agreement, ExportRecord
    from advisor.schema.report import Report
    from advisor.schema.review import Review

VERDICTS = {
    "same": "the same",
    "within_tolerance": "within tolerance",
    "different": "different",
    "unchecked": "unchecked",
}


def shipping(report: Report) -> Section | None:
    """Exports and combinations that lie in the run folder."""
    blocks = (*_exports(report), *_combinations(report))
    return Section("What ships", blocks) if blocks else None


def _exports(report: Report) -> Iterator[Block]:
    if not report.exports:
        return
    yield Table(exports_grid(report.exports), "Exports beside what was evaluated")
    for record in report.exports:
        yield from _export(record)


def exports_grid(records: tuple[ExportRecord, ...]) -> Grid:
    """Each export with how far it answers as what was evaluated."""
    rows = tuple(
        (
            PurePath(record.exported.output_dir).name,
            record.exported.exporter,
            record.exported.precision or UNKNOWN,
            *_agreement(record.agreement),
            record.verification or "not verified",
        )
        for record in records
    )
    headers = ("Export", "As", "Precision", "Equal answers", "Score", "Prompts", "Stops", "It is",
               "Verification")  # fmt: skip
    return Grid(headers, rows, right=(3, 4))


def _agreement(found: Agreement | None) -> tuple[str, ...]:
    if found is None:
        return ("holds no weights", "", "", "", "")
    share = f"{found.equal:,} of {found.n:,} ({percent(found.share)})" if found.n else UNKNOWN
    score = f"{percent(found.reference_score)} to {percent(found.exported_score)}"
    same = {True: "same", False: "different", None: UNKNOWN}
    return (
        share,
        score if found.exported_score is not None else UNKNOWN,
        same[found.same_prompts],
        same[found.same_ends],
        VERDICTS[found.verdict],
    )


def _export(record: ExportRecord) -> Iterator[Block]:
    made = record.exported
    problems = record.agreement.problems if record.agreement else ()
    unchecked = tuple(f"Not checked here: {line}" for line in made.unchecked)
    told = (*problems, *unchecked, *made.notes, *record.warnings)
    if not told and not made.snippets:
        return
    yield Heading(f"Export {safe_text(PurePath(made.output_dir).name, 60)}")
    if told:
        yield Bullets(told)
    for snippet in made.snippets:
        run = {True: "run here as it stands", False: "run here, failed", None: "not run here"}
        note = f"; {snippet.note}" if snippet.note else ""
        yield Text(f"{snippet.title} ({run[snippet.was_run]}{note}):")
        yield Code(tuple(snippet.text.splitlines()), snippet.language)


def _combinations(report: Report) -> Iterator[Block]:
    if not report.combinations:
        return
    yield Table(combinations_grid(report), "Combined models on each part's task")
    warnings = tuple(line for record in report.combinations for line in record.warnings)
    if warnings:
        yield Bullets(warnings)


def combinations_grid(report: Report) -> Grid:
    """Each combination on each task; one without a verification says so."""
    rows: list[tuple[str, ...]] = []
    for record in report.combinations:
        name = f"{record.combined.how}, {len(record.models)} models"
        for task, proof in record.verifications.items():
            spread = percent_range(proof.tuned.interval.low, proof.tuned.interval.high)
            score = f"{percent(proof.tuned.value)} ({spread})"
            rows.append((name, PurePath(task).name, score, proof.verdict, record.verdict))
        if not record.verifications:
            rows.append((name, UNKNOWN, UNKNOWN, "none", record.verdict))
    proofs = (one for record in report.combinations for one in record.verifications.values())
    level = level_header("interval", (proof.tuned.interval for proof in proofs))
    return Grid(
        ("Combined", "Task", f"Score ({level})", "There", "Verdict"), tuple(rows), right=(2,)
    )


def review(report: Report) -> Section | None:
    """What people said of tuned and baseline answers without knowing which was which."""
    found = report.review
    if found is None or not (found.judged or found.warnings):
        return None
    blocks: list[Block] = []
    if found.judged:
        blocks.append(Text(f"{WINNERS[found.verdict]}. {preference_sentence(found)}"))
    if found.is_finished:
        blocks.append(Table(votes_grid(found), judged_words(found)))
    if found.warnings:
        blocks.append(Bullets(found.warnings))
    return Section("Human check", tuple(blocks))


def votes_grid(found: Review) -> Grid:
    """Pairs by what was said of them."""
    return Grid(("Judgement", "Pairs"), judgements(found), right=(1,))
