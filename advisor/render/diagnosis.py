"""Why answers failed, on a terminal: causes of the best system, a few examples, and the lever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.diagnosis_grids import (
    causes_grid,
    diagnosed,
    levers,
    retrieval_grid,
    retrieval_remarks,
)
from advisor.render.terminal import make_table, plain, styled, words
from advisor.schema.diagnosis import CAUSE_WORDS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from advisor.render.grid import Grid
    from advisor.schema.baseline import Baselines
    from advisor.schema.diagnosis import FailedSample

EXAMPLES = 3
"""Causes of which one failure is shown."""
QUOTED = 60


def show_failures(console: Console, baselines: Baselines) -> None:
    """How well passages were found, why the best system failed, and what that points at."""
    grid = retrieval_grid(baselines.evaluations)
    if grid.rows:
        console.print(_table(grid))
        for sentence in retrieval_remarks(baselines.evaluations):
            console.print(plain(sentence, style="dim"))
    found = diagnosed(baselines)
    if not found or found[0].diagnosis is None:
        return
    table = _table(causes_grid(found[0].diagnosis))
    table.caption = plain(f"{words(found[0].builder)}, {found[0].diagnosis.failures:,} failures")
    table.caption_justify = "left"
    console.print(table)
    seen: set[str] = set()
    for example in found[0].diagnosis.examples:
        if example.cause not in seen and len(seen) < EXAMPLES:
            seen.add(example.cause)
            console.print(plain(example_sentence(example), style="dim"))
    best, *others = levers(baselines)
    console.print(styled("Failures of ", "bold").append_text(plain(best, style="not bold")))
    for sentence in others:
        console.print(plain(f"Failures of {sentence}", style="dim"))


def example_sentence(example: FailedSample) -> str:
    """One failure in a line: what was wanted, what came, and where the fact stands."""
    got, wanted = example.got[:QUOTED] or "nothing", example.expected[:QUOTED] or "no answer"
    where = f" ({example.where})" if example.where else ""
    return f'{CAUSE_WORDS[example.cause]}: wanted "{wanted}", got "{got}"{where}'


def _table(grid: Grid) -> Table:
    table = make_table(*grid.headers, right=grid.right)
    for row in grid.rows:
        table.add_row(*(plain(cell, 40) for cell in row))
    return table
