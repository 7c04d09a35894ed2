"""The section of the HTML report on memory, time and money of tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import advice_grids as advice
from advisor.render.charts_memory import memory_chart
from advisor.render.estimate_facts import estimate_facts
from advisor.render.estimate_tables import (
    matrix_table,
    memory_tables,
    money_tables,
    time_table,
)
from advisor.render.grid import Grid
from advisor.render.html_parts import bullets, details, element, esc, figure, section, table
from advisor.render.safe import safe_text, words

if TYPE_CHECKING:
    from advisor.schema.estimate import Estimate
    from advisor.schema.report import Report

CAPTION = "Likely peak memory by term; thin line: its range, dashed line: the end of the card."


def estimate(report: Report) -> str:
    """Memory, time and cost of the options; the recommended plan in full."""
    found = report.estimate
    if found is None:
        return ""
    model = f"Model {safe_text(found.model.id)}, {found.model.parameters:,} parameters"
    hidden = len(found.options) - advice.OPTIONS_SHOWN
    facts = Grid(("In short", "Estimated"), tuple(estimate_facts(found)))
    return section(
        "Estimate",
        element("p", f"{model}; prices as of {safe_text(found.prices_as_of)}."),
        element("p", "No option fits.") if found.recommended is None else "",
        table(facts),
        figure(CAPTION, memory_chart(found.options)),
        table(advice.options_grid(found)),
        element("p", f"{hidden} more options stand in 3-estimate.json.") if hidden > 0 else "",
        _matrix(found),
        "".join(table(grid, caption) for caption, grid in memory_tables(found)),
        _recommended_option(found),
        _beyond(found),
    )


def _matrix(found: Estimate) -> str:
    grid = matrix_table(found)
    if grid is None:
        return ""
    return details("All GPUs against all methods", table(grid, "Fits, share of the card, cost"))


def _recommended_option(found: Estimate) -> str:
    if found.recommended is None:
        return ""
    option = found.options[found.recommended]
    peak = f"Memory at its peak, phase {words(option.memory.peak_phase)}"
    return "".join((
        element("h3", f"Recommended option: {advice.option_name(option)}"),
        bullets((esc(line) for line in option.warnings), "warnings"),
        table(advice.terms_grid(option), peak),
        details("What the hours are made of", table(time_table(option))),
        details("What was assumed", bullets(esc(line) for line in option.assumptions)),
        details("The complete plan", table(advice.plan_grid(option))),
    ))  # fmt: skip


def _beyond(found: Estimate) -> str:
    """Money beyond training, with what it rests on."""
    tables = "".join(table(grid, caption) for caption, grid in money_tables(found))
    if not tables:
        return ""
    notes = bullets(esc(line) for line in found.notes)
    return element("h3", "Beyond training") + tables + details("What that rests on", notes)
