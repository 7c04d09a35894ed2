"""The console, and the pieces that every terminal table is drawn with.

The console reads no markup: a string is shown as it stands, so `[bold]` or `[/]` in data does
nothing. Style comes from `styled`; text from data goes through `safe_text` or `plain`. The titles
of rich's own Panel and Rule do read markup: hand them a `Text`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from advisor.render.safe import (
    ELLIPSIS,
    UNKNOWN,
    amount,
    percent,
    percent_range,
    safe_text,
    words,
)

if TYPE_CHECKING:
    from advisor.render.grid import Grid

__all__ = [
    "ELLIPSIS",
    "UNKNOWN",
    "amount",
    "bar",
    "grid_table",
    "in_letters",
    "interval_bar",
    "labelled",
    "make_console",
    "make_panel",
    "make_table",
    "only_ascii",
    "percent",
    "percent_range",
    "plain",
    "safe_text",
    "show_facts",
    "show_warnings",
    "styled",
    "tick",
    "verdict_style",
    "words",
]

TABLE_WIDTH = 80
WIDEST = 100
WIDEST_HEADER = 20
EIGHTHS = " ▏▎▍▌▋▊▉█"
GOOD, CAREFUL, BAD = "bold green", "bold yellow", "bold red"
_ASCII = str.maketrans({"–": "-", "×": "x", "·": ".", "…": "~", "³": "3", "₂": "2"})  # noqa: RUF001
_VERDICTS = {"train": GOOD, "keep": GOOD, "discard": BAD}


def make_console(stream: TextIO, *, color: bool) -> Console:
    """A console on the stream: at most 100 columns, 80 where it is no terminal, no markup."""
    if isinstance(stream, io.TextIOWrapper) and not _speaks_unicode(stream.encoding):
        with contextlib.suppress(OSError, ValueError):
            stream.reconfigure(errors="replace")
    console = Console(
        file=stream,
        color_system="auto" if color else None,
        no_color=None if color else True,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.width = min(console.size.width, WIDEST) if console.is_terminal else TABLE_WIDTH
    return console


def _speaks_unicode(encoding: str | None) -> bool:
    return (encoding or "utf-8").lower().replace("-", "").replace("_", "").startswith("utf")


def only_ascii(console: Console) -> bool:
    """Whether the stream's encoding cannot show bars and ticks."""
    return not _speaks_unicode(console.encoding)


def styled(text: str, style: str = "") -> Text:
    """Our own words in a style; markup in them is not read."""
    return Text(text, style=style)


def plain(text: object, limit: int | None = None, style: str = "") -> Text:
    """Text from data, made harmless, as it stands."""
    return Text(safe_text(text, limit), style=style)


def labelled(label: str, value: str) -> Text:
    """A value behind its name in bold."""
    return styled(f"{label}: ", "bold").append_text(plain(value, style="not bold"))


def tick(passed: bool | None, *, ascii_only: bool = False) -> Text:  # noqa: FBT001 - the value shown
    """A green tick, a red cross, or a yellow question mark for unknown."""
    if passed is None:
        return Text("?", style="bold yellow")
    if passed:
        return Text("+" if ascii_only else "✓", style="bold green")
    return Text("x" if ascii_only else "✗", style="bold red")


def bar(value: float | None, width: int, *, ascii_only: bool = False) -> str:
    """A bar for a share between 0 and 1, padded to `width`; blank for None (unknown)."""
    if value is None or width <= 0:
        return " " * max(width, 0)
    filled = min(max(value, 0.0), 1.0) * width
    whole = int(filled)
    if ascii_only:
        return ("#" * round(filled)).ljust(width)
    rest = EIGHTHS[int((filled - whole) * 8)] if whole < width else ""
    return ("█" * whole + rest).ljust(width)


def interval_bar(
    low: float | None,
    value: float | None,
    high: float | None,
    width: int,
    target: float | None = None,
    *,
    ascii_only: bool = False,
) -> Text:
    """A 0-to-1 scale `width` cells wide with the interval, its value and the target line on it.

    Unknown bounds are not drawn; an unknown value leaves the scale empty.
    """
    blank, line, dot, goal = (".", "-", "o", "|") if ascii_only else ("·", "━", "●", "┃")
    cells = [(blank, "dim")] * max(width, 1)
    if low is not None and high is not None:
        for place in range(_cell(low, width), _cell(high, width) + 1):
            cells[place] = (line, "cyan")
    if target is not None:
        cells[_cell(target, width)] = (goal, "bold magenta")
    if value is not None:
        cells[_cell(value, width)] = (dot, "bold cyan")
    drawn = Text()
    for (letter, style), run in groupby(cells):
        drawn.append(letter * len(list(run)), style=style)
    return drawn


def _cell(share: float, width: int) -> int:
    """The cell of a share on a scale of so many cells."""
    return min(max(int(share * width), 0), max(width - 1, 0))


def make_table(*headers: str, right: tuple[int, ...] = (), title: str | None = None) -> Table:
    """A table in the house style; columns numbered in `right` are set flush right.

    Cells may be `Text` (from `plain`, `styled`, `interval_bar`) or plain strings.
    """
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        title=Text(safe_text(title, TABLE_WIDTH), style="bold") if title else None,
        title_justify="left",
        header_style="bold",
    )
    for place, header in enumerate(headers):
        table.add_column(
            Text(header), justify="right" if place in right else "left", overflow="fold"
        )
    return table


def in_letters(text: str, *, ascii_only: bool) -> str:
    """The text as an ASCII stream can show it: a dash as a hyphen, a times sign as an x."""
    return text.translate(_ASCII) if ascii_only else text


def grid_table(
    console: Console, grid: Grid, *, title: str | None = None, fixed: tuple[int, ...] = ()
) -> Table:
    """A grid as a table of the house for this console, narrow between its columns.

    Columns in `fixed` are never broken over lines.
    """
    ascii_only = only_ascii(console)
    headers = (safe_text(header, WIDEST_HEADER) for header in grid.headers)
    table = make_table(*headers, right=grid.right, title=title)
    table.padding = (0, 1, 0, 0)
    for place in fixed:
        table.columns[place].no_wrap = True
    for row in grid.rows:
        table.add_row(*(plain(in_letters(cell, ascii_only=ascii_only)) for cell in row))
    return table


def show_facts(console: Console, facts: Iterable[tuple[str, str]]) -> None:
    """Named lines, each name once, what is said of it beside it."""
    ascii_only = only_ascii(console)
    told = [(name, in_letters(safe_text(value), ascii_only=ascii_only)) for name, value in facts]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, value in told:
        table.add_row(styled("" if name == before else name, "bold"), styled(value))
        before = name
    if told:
        console.print(table)


def verdict_style(verdict: str | None) -> str:
    """Green for train and keep, red for discard, yellow for every other verdict."""
    return _VERDICTS.get(verdict or "", CAREFUL)


def make_panel(body: Text, *, title: str, style: str = "") -> Panel:
    """A frame around a few lines, its title taken as it stands."""
    return Panel(body, title=Text(safe_text(title, 60)), title_align="left", border_style=style)


def show_warnings(console: Console, warnings: Iterable[str]) -> None:
    """Each warning on its own line; nothing when there is none."""
    for warning in warnings:
        line = Text("! ", style=CAREFUL)
        console.print(line.append_text(plain(warning, style="default")))
