"""GPUs against methods: what fits where, how full the card gets, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from advisor.render.grid import usd_short
from advisor.render.memory_groups import card_sizes, cheapest, process
from advisor.render.terminal import (
    in_letters,
    make_table,
    only_ascii,
    plain,
    safe_text,
    show_warnings,
    styled,
    tick,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from advisor.schema.estimate import Estimate, Option

NARROW = 17
MOST_METHODS = 3
"""Columns that fit 80 characters."""
_STYLES = {True: "green", False: "red", "uncertain": "yellow"}


def show_matrix(console: Console, estimate: Estimate) -> None:
    """One row per GPU, smallest first, one column per method; what finds no room aside goes below.

    A cell tells whether the plan fits, the share of the card it likely takes, hours and cost.
    """
    show_warnings(console, (*estimate.beforehand, *estimate.warnings))
    methods = list(dict.fromkeys(option.method for option in estimate.options))
    for start in range(0, len(methods), MOST_METHODS):
        _show_part(console, estimate, methods[start : start + MOST_METHODS])
    yes, no = ("+", "x") if only_ascii(console) else ("✓", "✗")
    console.print(
        styled(
            f"{yes} fits, ? may fit, {no} does not; likely share of the card, hours and cost; "
            "* recommended, c cheapest (if another), f fastest.",
            "dim",
        )
    )
    if estimate.recommended is None:
        console.print(plain(estimate.nearest))


def _show_part(console: Console, estimate: Estimate, methods: Sequence[str]) -> None:
    ascii_only = only_ascii(console)
    sizes = card_sizes(estimate.options)
    headers = ("GPU", "GiB", *(safe_text(words(method), NARROW) for method in methods))
    title = f"{safe_text(estimate.model.id, 40)}: GPUs x methods"
    table = make_table(*headers, right=(1,), title=title)
    table.padding = 0
    for column in table.columns:
        column.no_wrap = True
    cells = {(o.gpu, o.method): o for o in reversed(estimate.options)}
    marks = _marks(estimate)
    for gpu in sorted(sizes, key=lambda name: (sizes[name], name)):
        found = (cells.get((gpu, method)) for method in methods)
        table.add_row(
            plain(in_letters(safe_text(gpu, NARROW), ascii_only=ascii_only)),
            styled(f"{sizes[gpu]:.0f}"),
            *(_cell(option, sizes[gpu], marks, ascii_only=ascii_only) for option in found),
        )
    console.print(table)


def _marks(estimate: Estimate) -> dict[int, str]:
    """Letters of the options that stand out, by identity."""
    found: dict[int, str] = {}
    for place, letter in (
        (estimate.recommended, "*"),
        (cheapest(estimate), "c"),
        (estimate.fastest, "f"),
    ):
        key = -1 if place is None else id(estimate.options[place])
        if letter != "c" or key not in found:
            found[key] = found.get(key, "") + letter
    return found


def _cell(
    option: Option | None, card_gib: float, marks: Mapping[int, str], *, ascii_only: bool
) -> Text:
    if option is None:
        return styled("-", "dim")
    style = _STYLES[option.fits]
    mark = tick(None if option.fits == "uncertain" else option.fits, ascii_only=ascii_only)
    share = f"{100 * process(option).likely / card_gib:.0f}%" if card_gib > 0 else ""
    drawn = Text.assemble(mark, Text(share.rjust(5), style=style))
    if option.fits is not False:
        drawn.append(f" {_hours(option)} {_price(option)}")
        drawn.append(marks.get(id(option), ""), style="bold green")
    return drawn


def _hours(option: Option) -> str:
    hours = option.time_hours
    if hours is None:
        return "-"
    return f"{hours.likely:.1f}h" if hours.likely < 100 else f"{hours.likely / 24:.0f}d"


def _price(option: Option) -> str:
    return "" if option.cost_usd is None else usd_short(float(option.cost_usd.likely))
