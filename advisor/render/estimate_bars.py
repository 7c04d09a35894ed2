"""Memory of methods side by side as stacked bars against the end of the card."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from advisor.render.grid import short_number
from advisor.render.memory_groups import GROUPS, best_by_method, grouped, process
from advisor.render.terminal import only_ascii, plain, styled, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from advisor.schema.estimate import Option

NAME_WIDTH = 18
FARTHEST_CARD = 5.0
"""A card more than so many times larger than all bars is not drawn: bars would shrink to dots."""
LONGEST_BAR = 3.0
"""A bar more than so many times longer than the largest card is cut off, for the same reason."""
MOST_BARS = 8


def show_bars(console: Console, options: Sequence[Option], *, cards: Mapping[str, float]) -> None:
    """One bar per method, its letters the terms, the line where the card ends; then the legend.

    `cards` holds the usable GiB of each GPU.
    """
    drawn = best_by_method(options)[:MOST_BARS]
    reach = max(process(option).high for option in drawn)
    ends = [cards[option.gpu] for option in drawn]
    near = [end for end in ends if end <= FARTHEST_CARD * reach]
    scale = max(min(reach, LONGEST_BAR * max(ends)), *near, 0.0)
    if scale <= 0:
        return
    several = len({option.gpu for option in drawn}) > 1
    names = [_name(option, several=several) for option in drawn]
    totals = [_total(option, end) for option, end in zip(drawn, ends, strict=True)]
    left, right = max(map(len, names)), max(map(len, totals))
    width = max(min(console.width, 100) - left - right - 2, 10)
    console.print(styled("Memory of one device at the peak, GiB", "bold"))
    seen = ""
    for option, name, total, end in zip(drawn, names, totals, ends, strict=True):
        bar = stacked_bar(option, scale, width, end, ascii_only=only_ascii(console))
        console.print(
            Text.assemble(name.ljust(left), " ", bar, " ", total.rjust(right)), overflow="crop"
        )
        seen += bar.plain
    _show_legend(console, seen)


def _name(option: Option, *, several: bool) -> str:
    method = plain(words(option.method), NAME_WIDTH).plain
    return f"{method} {plain(option.gpu, NAME_WIDTH).plain}" if several else method


def _total(option: Option, card: float) -> str:
    return f"{short_number(process(option).likely)} of {card:.0f}"


def stacked_bar(
    option: Option, scale: float, width: int, card: float, *, ascii_only: bool = False
) -> Text:
    """A bar `width` cells wide for `scale` GiB: a letter per cell, spread, spare room, card's end.

    Hyphens run from the likely to the high figure, dots from there to the end of the card; a bar
    that is longer than the scale ends in `>`.
    """
    blank, line = (".", "|") if ascii_only else ("·", "┃")
    unit = width / (scale * 1.02)
    cells = _letters(option, unit)
    cells += [("-", "")] * (round(process(option).high * unit) - len(cells))
    end = int(card * unit)
    cells += [(blank, "dim")] * (min(end, width) - len(cells))
    cells += [(" ", "")] * (width - len(cells))
    if len(cells) > width:
        cells = [*cells[: width - 1], (">", "bold")]
    if 0 <= end < width:
        cells[end] = (line, "bold")
    drawn = Text()
    for (letter, style), run in groupby(cells):
        drawn.append(letter * len(list(run)), style=style)
    return drawn


def _letters(option: Option, unit: float) -> list[tuple[str, str]]:
    """Cells of the likely figure, shared out so that they add up and the largest rests win."""
    exact = [gib * unit for gib in grouped(option)]
    many = [int(cells) for cells in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: many[place] - exact[place])
    for place in by_rest[: round(sum(exact)) - sum(many)]:
        many[place] += 1
    return [
        (group.letter, group.style)
        for group, count in zip(GROUPS, many, strict=True)
        for _ in range(count)
    ]


def _show_legend(console: Console, drawn: str) -> None:
    """What the letters that were drawn stand for."""
    marks = [(group.letter, group.style, group.title) for group in GROUPS]
    marks += [("-", "", "to the high figure"), (">", "bold", "goes on")]
    marks += [("|", "bold", "end of the card"), ("┃", "bold", "end of the card")]
    legend, used = Text(), 0
    for letter, style, title in (mark for mark in marks if mark[0] in drawn):
        needs = len(title) + 4
        if used and used + needs - 2 > console.width:
            legend, used = legend.append("\n"), 0
        legend.append(letter, style=style).append(f" {title}  ")
        used += needs
    legend.rstrip()
    console.print(legend)
