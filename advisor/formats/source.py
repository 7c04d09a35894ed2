"""What a data file or folder was recognised as, before its rows are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from advisor.formats.layout import Layout
from advisor.formats.shapes import Shape
from advisor.schema.dataset import Kind
from advisor.schema.evaluation import Split


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a source."""

    path: Path
    layout: Layout
    name: str = ""
    """Inside the folder; empty where the source is a single file."""
    split: Split | None = None
    """For rows without a split of their own."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data file or folder, recognised: `stream` reads it as often as wanted."""

    path: Path
    """As the user gave it."""
    files: tuple[Path, ...]
    """The file itself, or the data files of the folder in reading order."""
    container: str
    """jsonl, json, csv, tsv, parquet or arrow; with `.gz`, `.bz2` or `.xz` when compressed."""
    shape: str
    """Name of the row shape."""
    kind: Kind
    encoding: str
    """As recognised, several of a folder joined by a comma."""
    mapping: Mapping[str, str]
    """Which field serves as which, as recognised or as the user said."""
    notes: tuple[str, ...]
    parts: tuple[Part, ...] = field(repr=False)
    """How each file is read."""
    row_shape: Shape = field(repr=False)
    columns: Mapping[str, str] = field(repr=False)
    """Which field serves as id, split, group and the like."""

    @property
    def numbered(self) -> Literal["line", "row"]:
        """What the numbers of its rows count: ordinals where no part has lines for them."""
        return "row" if all(part.layout.numbered == "row" for part in self.parts) else "line"

    @property
    def format(self) -> str:
        """Container and row shape: `jsonl/messages`."""
        return f"{self.container}/{self.shape}"
