"""The pieces that sections of the HTML report are made of; every text in them is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape as html_escape

from advisor.render.grid import Grid
from advisor.render.safe import UNKNOWN, safe_text

CELL_LIMIT = 400
LONG = 80
"""Characters from which on a cell keeps a width that a narrow screen scrolls to."""
_CLASSES = {UNKNOWN: "unknown", "passed": "passed", "failed": "failed"}
_BEFORE_A_UNIT = re.compile(
    r"(\d) (?=(?:%|GiB|USD|min|ms|s|h|points|nats)(?!\w))|(?<= =) (?=\d)|(?<=\bn) (?== )"
)
_CODE = re.compile(r"`([^`]+)`")
_RUN = re.compile(r"\w{24}(?=\w)")
"""Letters in a row after which a word may part, so that no answer pushes a column off the page."""
NARROW = 48
"""Letters that a row has room for on a phone; the rows of a wider table are stacked there."""
LEAST = 12
"""Letters that a column of words has room for there, whatever it holds (report.css)."""
WIDEST_CELL = 24
"""Letters of a cell that are counted: longer ones break into lines."""
_JOINT = re.compile(r"(?<=[a-z][._/])(?=[a-z])")
_BREAK = "<wbr>"
"""Where a dotted or underscored name may part at the end of a line."""
_NO_NAME = re.compile(r"[^a-z0-9]+")
_SECTIONS = re.compile(r'<section id="([a-z0-9-]+)"><h2>(.*?)</h2>')
_ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")


def esc(value: object, limit: int | None = None) -> str:
    """One line of text, harmless inside an element or an attribute."""
    return html_escape(safe_text(value, limit), quote=True)


def together(value: object, limit: int | None = None) -> str:
    """Escaped text in which a number never parts from its unit at the end of a line."""
    return _BEFORE_A_UNIT.sub("\\1\u00a0", esc(value, limit))


def prose(value: object) -> str:
    """Escaped text whose `commands` in backticks are shown as code."""
    return _CODE.sub(r"<code>\1</code>", together(value))


def element(tag: str, value: object, kind: str = "") -> str:
    """A text element."""
    return f"<{tag}{_class(kind)}>{together(value)}</{tag}>"


def wrap(tag: str, inner: Iterable[str], kind: str = "") -> str:
    """An element around HTML that is already safe."""
    return f"<{tag}{_class(kind)}>{''.join(inner)}</{tag}>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def section(title: str, *inner: str) -> str:
    """A section with its heading and an anchor named after it; nothing when it is empty."""
    body = "".join(inner)
    anchor = _NO_NAME.sub("-", title.casefold()).strip("-")
    return f'<section id="{anchor}">{element("h2", title)}{body}</section>' if body else ""


def anchors(body: str) -> list[str]:
    """The anchors of a page's sections, in their order."""
    return [anchor for anchor, _ in _SECTIONS.findall(body)]


def contents(body: str) -> str:
    """Links to the sections of a page; nothing for fewer than three."""
    found = _SECTIONS.findall(body)
    links = [f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title in found]
    if len(links) < 3:
        return ""
    return f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>'


def table(grid: Grid, caption: str = "") -> str:
    """A table; nothing for a grid without rows.

    Where its rows are wider than a phone, they are stacked there, each cell behind its header. What
    else is too wide scrolls by itself.
    """
    if not grid.rows:
        return ""
    numbers, stacks = frozenset(grid.right), is_wide(grid)
    head = "".join(_head(header, place in numbers) for place, header in enumerate(grid.headers))
    body = "".join(_row(row, grid.headers if stacks else (), numbers) for row in grid.rows)
    told = element("caption", caption) if caption else ""
    inner = f"{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    label = esc(caption or grid.headers[0])
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{label}">'
        f"<table{_class('stacks' if stacks else '')}>{inner}</table></div>"
    )


def is_wide(grid: Grid) -> bool:
    """Whether the rows of a table have no room beside each other on a phone.

    Headers and numbers stay on one line; other cells break.
    """
    room = 0
    for place, header in enumerate(grid.headers):
        longest = max(len(row[place]) for row in grid.rows)
        broken = longest if place in grid.right else max(LEAST, min(longest, WIDEST_CELL))
        room += max(len(header), broken) + 1
    return len(grid.headers) > 2 and room > NARROW


def _head(header: str, is_number: bool) -> str:  # noqa: FBT001 - of the column
    """A column's header; one without words heads nothing, so it is no header to a screen reader."""
    if not header:
        return "<td></td>"
    return f'<th scope="col"{_class("number" if is_number else "")}>{esc(header)}</th>'


def _row(row: tuple[str, ...], headers: tuple[str, ...], numbers: frozenset[int]) -> str:
    """A row; with headers each cell carries its own, for where it stands alone."""
    cells = []
    for place, cell in enumerate(row):
        fitting = "number" if place in numbers else "long" if len(cell) > LONG else ""
        kinds = [_CLASSES.get(cell, ""), fitting, "empty" if headers and not cell else ""]
        kind = _class(" ".join(kind for kind in kinds if kind))
        tag, scope = ("th", ' scope="row"') if place == 0 else ("td", "")
        named = f' data-head="{esc(headers[place])}"' if headers and place else ""
        shown = _RUN.sub(f"\\g<0>{_BREAK}", _JOINT.sub(_BREAK, together(cell, CELL_LIMIT)))
        cells.append(f"<{tag}{scope}{kind}{named}>{shown}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def bullets(lines: Iterable[str], kind: str = "") -> str:
    """A list of HTML that is already safe; nothing for no lines."""
    items = [f"<li>{line}</li>" for line in lines]
    return wrap("ul", items, kind) if items else ""


def details(summary: str, *inner: str) -> str:
    """What opens on demand; nothing when there is nothing in it."""
    body = "".join(inner)
    return f"<details><summary>{esc(summary)}</summary>{body}</details>" if body else ""


def figure(caption: str, chart: str) -> str:
    """A chart under its caption; nothing without a chart."""
    return f"<figure><figcaption>{esc(caption)}</figcaption>{chart}</figure>" if chart else ""


def link(address: str, words: str) -> str:
    """A link to a web page; plain text when the address is none."""
    target = safe_text(address)
    if not _ADDRESS.fullmatch(target):
        return esc(words)
    return f'<a href="{esc(target)}" rel="noopener noreferrer">{esc(words)}</a>'
