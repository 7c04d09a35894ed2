"""The section of the Markdown report on memory, time and money of tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import advice_grids as advice
from advisor.render.estimate_facts import estimate_facts
from advisor.render.estimate_tables import (
    matrix_table,
    memory_tables,
    money_tables,
    time_table,
)
from advisor.render.grid import Grid
from advisor.render.markdown_parts import code, escape, table
from advisor.render.safe import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from advisor.schema.estimate import Estimate
    from advisor.schema.report import Report


def estimate(report: Report) -> Iterator[str]:
    """Memory, time and cost of the options; the recommended plan in full."""
    found = report.estimate
    if found is None:
        return
    yield from ("## Estimate", "")
    model = f"Model {code(found.model.id)}, {found.model.parameters:,} parameters"
    yield from (f"{model}; prices as of {escape(found.prices_as_of)}.", "")
    if found.recommended is None:
        yield from ("No option fits.", "")
    yield from table(Grid(("In short", "Estimated"), tuple(estimate_facts(found))))
    yield from table(advice.options_grid(found))
    hidden = len(found.options) - advice.OPTIONS_SHOWN
    if hidden > 0:
        yield from (f"{hidden} more options stand in `3-estimate.json`.", "")
    yield from _captioned(memory_tables(found))
    yield from _recommended_option(found)
    yield from _captioned(money_tables(found))
    if found.notes:
        yield from (*(f"- {escape(line)}" for line in found.notes), "")
    grid = matrix_table(found)
    if grid is not None:
        yield from _captioned([("All GPUs against all methods", grid)])


def _captioned(tables: Iterable[tuple[str, Grid]]) -> Iterator[str]:
    for caption, grid in tables:
        yield from (f"{escape(caption)}:", "", *table(grid))


def _recommended_option(found: Estimate) -> Iterator[str]:
    if found.recommended is None:
        return
    option = found.options[found.recommended]
    yield from (f"### Recommended option: {escape(advice.option_name(option))}", "")
    if option.warnings:
        yield from (*(f"- Warning: {escape(line)}" for line in option.warnings), "")
    yield from (f"Memory at its peak, in the phase {code(words(option.memory.peak_phase))}:", "")
    yield from table(advice.terms_grid(option))
    if option.time_parts:
        yield from _captioned([("What the hours are made of", time_table(option))])
    yield from ("The plan:", "", *table(advice.plan_grid(option)))
    yield from (f"- Assumed: {escape(line)}" for line in option.assumptions)
    yield ""
