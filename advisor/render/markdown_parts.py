"""The pieces that the Markdown report is made of; every text in them is escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from advisor.render.grid import Grid

CELL_LIMIT = 200
_SPECIAL = re.compile(r"([\\`*{}\[\]#|~!$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_STARTS_A_LINK = re.compile(r":(?=//)|(?<=www)\.(?=\S)", re.IGNORECASE)
"""Many readers make links of bare addresses: those in data stay text."""
_STARTS_A_BLOCK = re.compile(r"^(\d*)([-+=.)])")


def escape(text: object, limit: int | None = None) -> str:
    """One line that Markdown and the HTML inside it show as it stands."""
    safe = safe_text(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _STARTS_A_LINK.sub(r"\\\g<0>", _SPECIAL.sub(r"\\\1", safe))


def paragraph(text: object) -> str:
    """Escaped text that may stand at the start of a line: no list, no rule, no heading."""
    return _STARTS_A_BLOCK.sub(r"\1\\\2", escape(text))


def prose(text: object) -> str:
    """A paragraph whose `commands` in backticks stay code; everything else is escaped."""
    parts = safe_text(text).split("`")
    if len(parts) % 2 == 0:  # an odd backtick: none of them is meant as code
        return paragraph(text)
    shown = [code(part) if place % 2 else _inner(part) for place, part in enumerate(parts)]
    return _STARTS_A_BLOCK.sub(r"\1\\\2", "".join(shown))


def _inner(part: str) -> str:
    """Escaped text that keeps the spaces at its ends, which stand before and after code."""
    before = " " if part.startswith(" ") else ""
    after = " " if part.endswith(" ") and part.strip() else ""
    return f"{before}{escape(part)}{after}"


def code(text: object, limit: int | None = None) -> str:
    """A code span, for use outside tables; backticks inside become apostrophes."""
    safe = safe_text(text, limit).replace("`", "'")
    return f"`{safe}`" if safe else ""


def table(grid: Grid) -> list[str]:
    """A table and the blank line after it; nothing for a grid without rows."""
    if not grid.rows:
        return []
    rules = ["---:" if place in grid.right else "---" for place in range(len(grid.headers))]
    rows = [[escape(cell, CELL_LIMIT) for cell in row] for row in (grid.headers, *grid.rows)]
    lines = [_row(rows[0]), _row(rules), *(_row(row) for row in rows[1:])]
    return [*lines, ""]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
