"""Sections of blocks as HTML; every text in them is escaped here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Chart, Code, Heading, Links, Table, Text
from advisor.render.html_parts import (
    bullets,
    details,
    element,
    esc,
    figure,
    link,
    prose,
    section,
    table,
)

if TYPE_CHECKING:
    from advisor.render.blocks import Block, Section


def html_section(made: Section | None) -> str:
    """The section with its heading; nothing where there is none or nothing in it."""
    return "" if made is None else section(made.title, *map(html_block, made.blocks))


def html_block(block: Block) -> str:
    """One block."""
    match block:
        case Text():
            made = _paragraph(block)
        case Heading():
            made = element("h3", block.title)
        case Table():
            made = _table(block)
        case Bullets():
            made = bullets(prose(line) for line in block.lines)
        case Chart():
            made = figure(block.caption, block.draw())
        case Code():
            made = _code(block)
        case Links():
            made = bullets(_linked(*item) for item in block.items)
    return made


def _paragraph(block: Text) -> str:
    kind = ' class="quiet"' if block.is_quiet else ""
    return f"<p{kind}>{prose(block.line)}</p>"


def _table(block: Table) -> str:
    made = table(block.grid, block.caption)
    return details(block.caption, made) if block.is_folded and made else made


def _code(block: Code) -> str:
    lines = "\n".join(esc(line) for line in block.lines)
    return f'<pre tabindex="0"><code>{lines}</code></pre>' if lines else ""


def _linked(title: str, address: str, more: str) -> str:
    named = link(address, title) if address else esc(title)
    return f"{named}. {prose(more)}" if more else named
