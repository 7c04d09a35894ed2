"""What lies behind an estimate's figures: terms, phases, time, money, plan and assumptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from advisor.render.estimate_beyond import show_beyond_details
from advisor.render.estimate_checks import show_trace_details
from advisor.render.estimate_grids import phases_grid, terms_by_method_grid, time_grid
from advisor.render.memory_groups import best_by_method, chosen
from advisor.render.terminal import (
    grid_table,
    in_letters,
    make_table,
    only_ascii,
    plain,
    styled,
    words,
)
from advisor.units import short_count

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.schema.estimate import Estimate, Option, Term

MOST_METHODS = 4
"""Columns that fit 80 characters."""


def show_terms(console: Console, estimate: Estimate) -> None:
    """Every term of each method's best option with formula, inputs and source, and all the rest."""
    options = best_by_method(estimate.options)
    for start in range(0, len(options), MOST_METHODS):
        _show_side_by_side(console, options[start : start + MOST_METHODS])
    for option in options:
        console.print(_terms_table(console, option))
    option = chosen(estimate)
    if option.time_parts:
        title = f"Time of {words(option.method)} on {option.gpu}"
        console.print(grid_table(console, time_grid(option), title=title, fixed=(0, 1)))
    show_beyond_details(console, estimate)
    if estimate.trace is not None:
        show_trace_details(console, estimate.trace)
    _show_settings(console, option)
    _show_notes(console, estimate, option, options)


def _show_side_by_side(console: Console, options: Sequence[Option]) -> None:
    columns = tuple(range(len(options) + 1))
    grid = terms_by_method_grid(options)
    console.print(grid_table(console, grid, title="Memory at the peak by term", fixed=columns))
    phases = phases_grid(options)
    if phases.rows:
        title = "Phases, GiB of tensors (> peak)"
        console.print(grid_table(console, phases, title=title, fixed=columns))


def _terms_table(console: Console, option: Option) -> object:
    devices = f"{option.gpus} x {option.gpu}" if option.gpus > 1 else option.gpu
    peak = words(option.memory.peak_phase)
    table = make_table(
        "Term",
        "GiB",
        "Formula, source and inputs",
        right=(1,),
        title=f"{words(option.method)} on {devices}: peak in phase {peak}",
    )
    table.columns[1].no_wrap = True
    ascii_only = only_ascii(console)
    for term in option.memory.terms:
        told = in_letters(_term_words(term), ascii_only=ascii_only)
        table.add_row(plain(term.name), styled(f"{term.gib:.2f}"), plain(told))
    return table


def _term_words(term: Term) -> str:
    inputs = ", ".join(f"{name} {_input(value)}" for name, value in term.inputs.items())
    source = f"{term.provenance.kind}: {term.provenance.source}"
    return f"{term.formula} [{source}] {inputs}"


def _input(value: float | str) -> str:
    return value if isinstance(value, str) else short_count(value)


def _show_settings(console: Console, option: Option) -> None:
    if not option.plan.reasons:
        return
    console.print(styled("Settings and who set them", "bold"))
    for field, reason in sorted(option.plan.reasons.items()):
        value = getattr(option.plan, field, None)
        console.print(plain(f"- {field} = {value}: {reason}", style="dim"))


def _show_notes(
    console: Console, estimate: Estimate, option: Option, options: Sequence[Option]
) -> None:
    """All warnings and assumptions, what holds for one method alone under its name."""
    notes = list(_notes(estimate, option, options))
    if notes:
        console.print(styled("Warnings and assumptions", "bold"))
    for note in notes:
        shown = in_letters(note, ascii_only=only_ascii(console))
        console.print(plain(f"- {shown}", style="dim"))


def _notes(estimate: Estimate, option: Option, options: Sequence[Option]) -> Iterator[str]:
    said = dict.fromkeys((
        *estimate.warnings, *option.warnings, *option.assumptions, *estimate.notes,
        *(option.spending.notes if option.spending else ()),
        *(note for serving in estimate.serving for note in serving.notes),
    ))  # fmt: skip
    yield from said
    for other in options:
        for note in (*other.warnings, *other.assumptions):
            if note not in said:
                said[note] = None
                yield f"{words(other.method)}: {note}"
