"""GPUs against methods: what fits where, how full the card gets, and what it costs."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from advisor.render.terminal import UNKNOWN, make_table, only_ascii, plain, styled, tick
from advisor.schema.estimate import Estimate, Option

NARROW = 16
MOST_METHODS = 4
"""Columns that fit 80 characters."""


def show_matrix(console: Console, estimate: Estimate) -> None:
    """One row per GPU, one column per method; columns beyond the first four go below."""
    methods = list(dict.fromkeys(option.method for option in estimate.options))
    for start in range(0, len(methods), MOST_METHODS):
        _show_part(console, estimate, methods[start : start + MOST_METHODS])
    console.print(
        styled("Share of the card's memory at the likely value, and the likely cost.", "dim")
    )


def _show_part(console: Console, estimate: Estimate, methods: list[str]) -> None:
    ascii_only = only_ascii(console)
    table = make_table("GPU", *methods, title=f"{estimate.model.id}: GPUs x methods")
    cells = {(option.gpu, option.method): option for option in estimate.options}
    for gpu in _by_memory(estimate):
        row = (cells.get((gpu, method)) for method in methods)
        table.add_row(plain(gpu, NARROW), *(_cell(option, ascii_only) for option in row))
    console.print(table)


def _by_memory(estimate: Estimate) -> list[str]:
    card = {o.gpu: (_process(o) + o.headroom_gib, o.gpu) for o in estimate.options}
    return sorted(card, key=card.__getitem__)


def _process(option: Option) -> float:
    memory = option.memory
    return (memory.process_gib or memory.reserved_gib or memory.allocated_gib).likely


def _cell(option: Option | None, ascii_only: bool) -> Text:  # noqa: FBT001 - of the console
    if option is None:
        return styled(UNKNOWN, "dim")
    used = _process(option)
    share = 100 * used / (used + option.headroom_gib)
    style = "yellow" if option.fits == "uncertain" else "green" if option.fits else "red"
    mark = tick(None if option.fits == "uncertain" else option.fits, ascii_only=ascii_only)
    cost = option.cost_usd
    price = "" if cost is None or option.fits is False else f" ${float(cost.likely):.2f}"
    return Text.assemble(mark, " ", Text(f"{share:.0f} %", style=style), price)
