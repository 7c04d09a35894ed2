"""What a section of the report is made of, before it becomes HTML or Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from advisor.render.grid import Grid


@dataclass(frozen=True)
class Text:
    """A paragraph; `commands` in backticks are code, everything else is shown as it stands."""

    line: str
    is_quiet: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading below the section's own."""

    title: str


@dataclass(frozen=True)
class Table:
    """A grid under its caption; `is_folded` opens on demand where a page can fold."""

    grid: Grid
    caption: str
    is_folded: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing under its caption, for pages that can show one; tables hold the same figures."""

    caption: str
    draw: Callable[[], str]
    """Makes the SVG; called only where it is shown."""


@dataclass(frozen=True)
class Code:
    """Lines to be typed, or a file's text."""

    lines: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True)
class Links:
    """Titles with their address, and what else is known of each."""

    items: tuple[tuple[str, str, str], ...]
    """Title, address (may be empty), further words."""


Block = Text | Heading | Table | Bullets | Chart | Code | Links


@dataclass(frozen=True)
class Section:
    """Blocks under one heading; nothing is shown of one without blocks."""

    title: str
    blocks: tuple[Block, ...]
