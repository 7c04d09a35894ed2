"""What a data file or folder was recognised as, before its rows are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advisor.formats.detect import Layout
from advisor.formats.shapes import Shape
from advisor.schema.dataset import Kind


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
    mapping: Mapping[str, str]
    """Which field serves as which, as recognised or as the user said."""
    notes: tuple[str, ...]
    layout: Layout = field(repr=False, kw_only=True)
    row_shape: Shape = field(repr=False, kw_only=True)

    @property
    def format(self) -> str:
        """Container and row shape: `jsonl/messages`."""
        return f"{self.container}/{self.shape}"
