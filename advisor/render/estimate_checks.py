"""What the search for a limit and a traced step say, beside the estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from advisor.render.estimate_grids import solved_grid, trace_grid
from advisor.render.grid import short_number
from advisor.render.memory_groups import chosen
from advisor.render.terminal import grid_table, plain, styled, words

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.schema.estimate import Estimate
    from advisor.schema.trace import Trace


def show_checks(console: Console, estimate: Estimate) -> None:
    """What was solved for, and the traced step; nothing where none was asked for."""
    if estimate.solved:
        console.print(grid_table(console, solved_grid(estimate), title="The largest that fits"))
    if estimate.trace is not None:
        grid = trace_grid(estimate.trace, chosen(estimate))
        console.print(grid_table(console, grid, title=trace_title(estimate.trace)))
        for line in _trace_lines(estimate.trace):
            console.print(plain(line))


def trace_title(trace: Trace) -> str:
    """What kind of trace it is, in a few words."""
    if trace.kind == "simulated":
        return "Simulated step beside the formula (no GPU, no weights)"
    return "Two real steps on this machine's GPU beside the formula"


def _trace_lines(trace: Trace) -> Iterator[str]:
    phase = f"Its peak: {words(trace.peak_phase)}. " if trace.peak_phase else ""
    yield f"{phase}It took {short_number(trace.seconds)} s."
    if trace.closed_form:
        yield f"Computed, not traced: {', '.join(trace.closed_form)}."


def show_trace_details(console: Console, trace: Trace) -> None:
    """Heights of the traced phases, versions and notes."""
    heights = ", ".join(f"{words(p)} {short_number(g)}" for p, g in trace.phases_gib.items())
    made = ", ".join(f"{name} {version}" for name, version in sorted(trace.versions.items()))
    for line in (f"Phases of the {trace.kind} step, GiB: {heights}" * bool(heights),
                 f"Made with {made}" * bool(made), *trace.notes):  # fmt: skip
        if line:
            console.print(styled("- ", "dim").append_text(plain(line, style="dim")))
