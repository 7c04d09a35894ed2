"""Shows an estimate: methods side by side against the card, the plan to take, what to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.render.estimate_bars import show_bars
from advisor.render.estimate_beyond import show_serving
from advisor.render.estimate_checks import show_checks
from advisor.render.estimate_facts import chance, devices, estimate_facts, sentence
from advisor.render.explain import show_terms
from advisor.render.grid import short_number, span, usd_span
from advisor.render.memory_groups import card_sizes, chosen, drawn_options, mark_of, process
from advisor.render.terminal import (
    in_letters,
    make_table,
    only_ascii,
    plain,
    safe_text,
    show_facts,
    show_warnings,
    styled,
    words,
)
from advisor.units import short_count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from advisor.schema.estimate import Estimate, Option

__all__ = ["sentence", "show_estimate", "show_terms"]

MOST_ROWS = 8
MOST_REMARKS = 6
NARROW = 17
RANKED = "Ranked: what fits, then what is allowed, then the cheapest."
_FIT_STYLES = {True: "green", False: "red", "uncertain": "yellow"}


def show_estimate(console: Console, estimate: Estimate, *, asked: str = "") -> None:
    """Table, bars, the plan to take and the most important remarks; `asked` is the model's name.

    What lies behind the figures is shown by `show_terms`.
    """
    shown = drawn_options(estimate.options, MOST_ROWS)
    show_warnings(console, estimate.beforehand)
    _show_model(console, estimate, asked)
    _show_table(console, estimate, shown)
    show_bars(console, shown, cards=card_sizes(estimate.options))
    console.print()
    show_warnings(console, estimate.warnings)
    if estimate.recommended is None and not estimate.warnings:
        console.print(styled("No plan can be recommended.", "bold yellow"))
    show_facts(console, estimate_facts(estimate))
    show_checks(console, estimate)
    show_serving(console, estimate)
    _show_remarks(console, chosen(estimate))
    _show_footer(console, estimate, hidden=len(estimate.options) - len(shown))


def _show_model(console: Console, estimate: Estimate, asked: str) -> None:
    model = estimate.model
    size = f"{short_count(model.parameters)} parameters"
    if model.active_parameters and model.active_parameters != model.parameters:
        size += f", {short_count(model.active_parameters)} of them active per token"
    name = safe_text(model.id)
    said = safe_text(asked)
    means = f"{said} means " if said and said.lower() != name.lower() else ""
    console.print(styled(f"{means}{name}: {size}", "bold"))


def _show_table(console: Console, estimate: Estimate, shown: Sequence[Option]) -> None:
    ascii_only = only_ascii(console)
    cards = card_sizes(estimate.options)
    places = {id(option): place for place, option in enumerate(estimate.options)}
    headers = ("Method", "GPU", "Fits", "GiB of card", "Hours", "Cost", "")
    table = make_table(*headers, right=(3, 4, 5))
    widths = [len(header) for header in headers]
    for option in shown:
        place = places[id(option)]
        texts = (
            words(option.method),
            devices(option),
            fit_words(option),
            f"{short_number(process(option).likely)} of {cards[option.gpu]:.0f}",
            span(option.time_hours),
            usd_span(option.cost_usd),
            mark_of(estimate, place).replace(", ", ",\n"),
        )
        bold = "bold" if place == estimate.recommended else ""
        styles = [bold, bold, _FIT_STYLES[option.fits], "", "", "", "bold green"]
        cells = [
            plain(in_letters(safe_text(text, NARROW), ascii_only=ascii_only), style=style)
            for text, style in zip(texts[:-1], styles[:-1], strict=True)
        ]
        cells.append(styled(texts[-1], styles[-1]))
        table.add_row(*cells)
        widths = [max(old, _cells(new)) for old, new in zip(widths, cells, strict=True)]
    gap = int(sum(widths) + 2 * len(headers) + 1 <= console.width)
    table.padding = (0, gap, 0, 0)
    for column in table.columns:
        column.no_wrap = sum(widths) + len(headers) < console.width
    console.print(table)


def _cells(text: Text) -> int:
    """Columns of the longest line."""
    return max(map(len, text.plain.split("\n")))


def fit_words(option: Option) -> str:
    """'yes 97 %', 'maybe 60 %' or 'no <1 %'."""
    word = "maybe" if option.fits == "uncertain" else "yes" if option.fits else "no"
    return f"{word} {chance(option)}".rstrip()


def _show_remarks(console: Console, option: Option) -> None:
    """What to know of the plan; how much more there is is said, not shown."""
    found = list(dict.fromkeys(option.warnings))
    show_warnings(console, found[:MOST_REMARKS])
    hidden = len(found) - MOST_REMARKS
    if hidden > 0:
        console.print(styled(f"! {hidden} more: --explain", "yellow"))


def _show_footer(console: Console, estimate: Estimate, *, hidden: int) -> None:
    rest = f"{hidden} more options: --matrix, --json. " if hidden else ""
    dated = f"Prices of {safe_text(estimate.prices_as_of)}. "
    console.print(styled(f"{RANKED} {dated}{rest}Terms, formulas, all notes: --explain.", "dim"))
