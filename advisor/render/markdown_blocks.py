"""Sections of blocks as Markdown; every text in them is escaped here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Chart, Code, Heading, Links, Table, Text
from advisor.render.markdown_parts import escape, prose, table
from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block, Section

_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`]+")
_FENCE = "```"


def markdown_section(made: Section | None) -> Iterator[str]:
    """The section's lines; none where there is no section or nothing in it."""
    if made is None or not made.blocks:
        return
    yield from (f"## {escape(made.title)}", "")
    for block in made.blocks:
        yield from markdown_block(block)


def markdown_block(block: Block) -> Iterator[str]:
    """The lines of one block with an empty one after it; charts have none."""
    match block:
        case Text():
            yield from (prose(block.line), "")
        case Heading():
            yield from (f"### {escape(block.title)}", "")
        case Table():
            if block.grid.rows:
                yield from (f"{escape(block.caption)}:", "", *table(block.grid))
        case Bullets():
            yield from (*(f"- {prose(line)}" for line in block.lines), "")
        case Chart():
            pass
        case Code():
            lines = (safe_code(line) for line in block.lines)
            yield from (f"{_FENCE}{block.language}", *lines, _FENCE, "")
        case Links():
            yield from (*(f"- {linked(*item)}" for item in block.items), "")


def safe_code(line: str) -> str:
    """A line of code that cannot end its fence; its indent stays."""
    indent = " " * (len(line) - len(line.lstrip(" ")))
    return indent + safe_text(line).replace(_FENCE, "")


def linked(title: str, address: str, more: str = "") -> str:
    """A title with its address, or the title alone where that is no web page."""
    url = safe_text(address)
    named = f"[{escape(title)}](<{url}>)" if _ADDRESS.fullmatch(url) else escape(title)
    return f"{named}. {prose(more)}" if more else named
