"""The tables of an estimate as reports show them, each with its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.estimate_grids import (
    lengths_grid,
    matrix_grid,
    phases_grid,
    solved_grid,
    terms_by_method_grid,
    time_grid,
    trace_grid,
)
from advisor.render.grid import Grid
from advisor.render.memory_groups import best_by_method, chosen
from advisor.render.money_grids import break_even_grid, hosted_grid, serving_grid, spending_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.estimate import Estimate, Option

MOST_METHODS = 6
"""Columns that a page has room for."""


def memory_tables(estimate: Estimate) -> Iterator[tuple[str, Grid]]:
    """Caption and table: terms and phases of the methods side by side, and what was checked."""
    best = best_by_method(estimate.options)
    for start in range(0, len(best), MOST_METHODS):
        part = best[start : start + MOST_METHODS]
        yield "Memory at the peak by term, GiB of one device", terms_by_method_grid(part)
        phases = phases_grid(part)
        if phases.rows:
            yield "Height of each phase, GiB of tensors; > marks the peak", phases
    if estimate.lengths is not None:
        yield "Token lengths of the data", lengths_grid(estimate.lengths)
    if estimate.trace is not None:
        caption = f"The {estimate.trace.kind} step beside the formula"
        yield caption, trace_grid(estimate.trace, chosen(estimate))
    if estimate.solved:
        yield "The largest that fits", solved_grid(estimate)


def money_tables(estimate: Estimate) -> Iterator[tuple[str, Grid]]:
    """Caption and table: the whole bill, hosted tuning, serving and break-even."""
    spending = chosen(estimate).spending
    if spending is not None:
        yield "What the whole plan costs", spending_grid(spending)
    if estimate.serving:
        yield "What answering costs, per thousand calls and month", serving_grid(estimate.serving)
    if estimate.break_even:
        yield "When tuning pays back", break_even_grid(estimate.break_even)
    if estimate.hosted:
        yield "Hosted tuning of the same tokens", hosted_grid(estimate.hosted)


def matrix_table(estimate: Estimate) -> Grid | None:
    """GPUs against methods, where there is more than one of each."""
    several = len({option.gpu for option in estimate.options}) > 1
    return matrix_grid(estimate) if several else None


def time_table(option: Option) -> Grid:
    """What the hours of an option are made of."""
    return time_grid(option)
