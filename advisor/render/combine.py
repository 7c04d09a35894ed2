"""A combined model on a terminal: what it is, and what it is worth on each part's task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from advisor.render.terminal import (
    CAREFUL,
    UNKNOWN,
    make_panel,
    make_table,
    percent,
    plain,
    show_facts,
    show_warnings,
    styled,
    verdict_style,
    words,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from advisor.schema.combine import CombineRecord

MEANING = {
    "keep": "Keep the combined model: it is better than every baseline on each task.",
    "discard": "Discard the combined model: on one task or more it is not worth serving.",
    "inconclusive": "Not enough to tell on every task.",
    "unverified": "Nothing proves what the combined model is worth.",
}


def show_combination(console: Console, record: CombineRecord) -> None:
    """The verdict, the scores on each task, how it was made and where it lies."""
    style = CAREFUL if record.verdict == "unverified" else verdict_style(record.verdict)
    console.print(
        make_panel(styled(MEANING[record.verdict], style), title="Combination", style=style)
    )
    if record.verifications:
        console.print(_scores(record))
    for run, found in record.verifications.items():
        console.print(plain(f"{Path(run).name}: {found.because}"))
    show_facts(console, _facts(record))
    for note in record.combined.notes:
        console.print(plain(note, style="dim"))
    own = [one for found in record.verifications.values() for one in found.warnings]
    show_warnings(console, dict.fromkeys((*record.warnings, *own)))


def _scores(record: CombineRecord) -> Table:
    headers = ("Task", "Verdict", "Best baseline", "Tuned alone", "Combined")
    table = make_table(*headers, right=(2, 3, 4))
    for run, found in record.verifications.items():
        against = record.against_parts.get(run)
        alone = None if against is None else found.tuned.value - against.difference
        best = max(found.tuned.value - one.difference for one in found.comparisons)
        table.add_row(
            plain(Path(run).name, 24),
            styled(words(found.verdict), verdict_style(found.verdict)),
            percent(best),
            UNKNOWN if alone is None else percent(alone),
            percent(found.tuned.value),
        )
    return table


def _facts(record: CombineRecord) -> list[tuple[str, str]]:
    made = record.combined
    told = zip(record.models, record.weights, strict=True)
    facts = [(f"{weight:g} x", model) for model, weight in told]
    rank = "" if made.rank is None else f", rank {made.rank}"
    return [*facts, ("Way", f"{made.how}, by {made.combiner}{rank}"), ("Lies in", made.output_dir)]
