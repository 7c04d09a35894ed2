"""How one file is to be read: container, compression, encoding; found by its first letters."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from advisor.errors import DatasetError
from advisor.formats.arrow_file import read_arrow
from advisor.formats.encoding import find_encoding
from advisor.formats.json_file import (
    BrokenJsonError,
    Pieces,
    is_split,
    pass_over,
    read_json_array,
    read_json_columns,
    read_json_object,
    rows_share_lines,
    values_by_name,
)
from advisor.formats.opening import (
    ACCEPTED,
    BROKEN_ARCHIVE,
    UTF8,
    Compression,
    compression_of,
    first_bytes,
    open_text,
    unreadable,
)
from advisor.formats.rows import Row, read_json_lines
from advisor.formats.running_text import TEXT_SUFFIXES, read_text
from advisor.formats.shapes import SHAPES, known_fields, row_fields
from advisor.formats.table import delimiter_of, read_table
from advisor.schema.dataset import Fault

Container = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "text"]
Form = Literal["", "object", "columns"]
HEAD_LETTERS = 1 << 16
BY_ROW = "Several rows stand on one line: rows are numbered, not lines."
ENDINGS = (".gz", ".bz2", ".xz")
BINARY: dict[bytes, Container] = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read."""

    container: Container
    delimiter: str = ","
    compression: Compression = ""
    encoding: str = UTF8
    form: Form = ""
    """How a JSON file that is no list holds its rows."""
    list_name: str = ""
    """The list in a JSON object that holds the rows."""
    note: str = ""
    """What the user should know of it."""
    by_row: bool = False
    """Whether rows are known by their ordinals, as several stand on one line."""

    @property
    def numbered(self) -> Literal["line", "row"]:
        """What the numbers of its rows count."""
        counts_rows = self.by_row or self.form == "columns"
        return "row" if counts_rows or self.container in ("parquet", "arrow") else "line"

    @property
    def name(self) -> str:
        """The container as it is told: `jsonl.gz`."""
        return f"{self.container}.{self.compression}" if self.compression else self.container

    def rows(self, path: Path) -> Iterator[Row | Fault]:
        """The file's rows, read as this layout says; damage on the way ends them with a fault."""
        line = 0
        try:
            for row in self._rows(path):
                line = row.line
                yield row
        except (*BROKEN_ARCHIVE, OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            yield Fault(
                code="broken_file",
                line=line + 1,
                message=f"the file ends early or is damaged here: {reason[:160]}",
                hint="Copy or pack the file again; nothing after this place was read.",
            )

    def _rows(self, path: Path) -> Iterator[Row | Fault]:
        if self.container in ("parquet", "arrow"):
            yield from read_arrow(path, self.container)
        elif self.container == "jsonl":
            yield from read_json_lines(path, self.compression, self.encoding)
        else:
            with open_text(path, self.compression, self.encoding) as stream:
                yield from self._rows_of_text(stream)

    def _rows_of_text(self, stream: TextIO) -> Iterator[Row | Fault]:
        if self.form == "object":
            return read_json_object(stream, self.encoding, self.list_name, by_row=self.by_row)
        if self.form == "columns":
            return read_json_columns(stream)
        if self.container == "json":
            return read_json_array(stream, self.encoding, by_row=self.by_row)
        if self.container == "text":
            return read_text(stream, self.encoding)
        return read_table(stream, self.encoding, delimiter=self.delimiter)


def is_empty(path: Path) -> bool:
    """Whether a file holds nothing but white space; one that cannot be read is not empty."""
    if first_bytes(path).startswith(tuple(BINARY)):
        return False
    compression = compression_of(path)
    try:
        return not _head(path, compression, find_encoding(path, compression)[0])
    except (*BROKEN_ARCHIVE, UnicodeError, OSError, DatasetError):
        return False


def detect_layout(path: Path) -> Layout:
    """The container by the file's first letters, then by its ending.

    Raises DatasetError when the file is missing, unreadable, empty, or of another kind.
    """
    start = first_bytes(path)
    for mark, container in BINARY.items():
        if start.startswith(mark):
            return Layout(container)
    compression = compression_of(path)
    try:
        encoding, note = find_encoding(path, compression)
        head = _head(path, compression, encoding)
    except (*BROKEN_ARCHIVE, UnicodeError) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not head:
        raise DatasetError(
            f"{path.name} is empty.",
            hint="Give a file with at least one row; `advisor data check --help` says what rows"
            " look like.",
            where=str(path),
        )
    return _Guess(path, compression, encoding, note).layout(head)


def _head(path: Path, compression: Compression, encoding: str) -> str:
    """The first letters from the first that is no space."""
    with open_text(path, compression, encoding) as stream:
        head = stream.read(HEAD_LETTERS)
        while head and not head.strip():
            head = stream.read(HEAD_LETTERS)
        return head.lstrip()


def _damaged(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"{path.name} is damaged: {str(error) or type(error).__name__}.",
        hint="Copy or pack the file again.",
        where=str(path),
    )


@dataclass(frozen=True, slots=True)
class _Guess:
    """What is known of a file before its first letters are looked at."""

    path: Path
    compression: Compression
    encoding: str
    note: str

    def layout(self, head: str) -> Layout:
        suffix = Path(plain_name(self.path)).suffix.lower()
        if head.startswith("["):
            return self._as("json", by_row=rows_share_lines(head))
        if head.startswith("{"):
            return self._object(head, suffix)
        if suffix in {".jsonl", ".ndjson", ".json"}:
            return self._as("jsonl")
        header = head.splitlines()[0]
        delimiter = delimiter_of(header)
        if suffix in TEXT_SUFFIXES and not _has_known_columns(header):
            return self._as("text", note="Read as running text: each piece is a row.")
        if suffix in {".tsv", ".tab"} or (suffix != ".csv" and "\t" in header):
            return self._as("tsv", delimiter="\t")
        if suffix == ".csv" or delimiter in header:
            return self._as("csv", delimiter=delimiter)
        raise DatasetError(
            f"{self.path.name} is not a data file that can be read.",
            hint=f"{ACCEPTED} Texts to learn as they are end in .txt or .md; texts to look things"
            " up in go to --docs.",
            where=str(self.path),
        )

    def _as(
        self,
        container: Container,
        *,
        delimiter: str = ",",
        form: Form = "",
        list_name: str = "",
        note: str = "",
        by_row: bool = False,
    ) -> Layout:
        note = " ".join(filter(None, (note, BY_ROW if by_row else "")))
        return Layout(
            container,
            delimiter,
            self.compression,
            self.encoding,
            form,
            list_name,
            " ".join(filter(None, (self.note, note))),
            by_row,
        )

    def _object(self, head: str, suffix: str) -> Layout:
        """JSON Lines, unless the file is one object with its rows in a list or in columns."""
        first, _, rest = head.partition("\n")
        row = _loaded(first)
        if isinstance(row, dict):
            if rest.strip() or len(head) >= HEAD_LETTERS or _fits(row):
                return self._as("jsonl")
        elif suffix in (".jsonl", ".ndjson") or not (suffix in (".json", "") or _is_cut(first)):
            return self._as("jsonl")
        found = _lists(head)
        if _is_cut(first) and found.keys() & row_fields():
            return self._as("jsonl")
        names = [name for name, holds in found.items() if holds == "{"]
        if names:
            which = "lists named like splits" if is_split(names[0]) else f"list '{names[0]}'"
            told = f"Rows are read from the {which}; the rest of the object is left out."
            return self._as(
                "json",
                form="object",
                list_name=names[0],
                note=told,
                by_row=rows_share_lines(head, names[0]),
            )
        if found and all(holds == "column" for holds in found.values()):
            told = "The columns are lists: row n is made of the n-th value of each."
            return self._as("json", form="columns", note=told)
        if isinstance(row, dict) or _is_cut(first) or suffix != ".json":
            return self._as("jsonl")
        raise DatasetError(
            f"{self.path.name} holds one JSON object, not a list of rows.",
            hint="Write an array of rows [{...}, {...}], or one object per line.",
            where=f"{self.path}:1",
        )


def plain_name(path: Path) -> str:
    """The name without the ending of its compression."""
    name = path.name.lower()
    return next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), name)


def _has_known_columns(header: str) -> bool:
    """Whether a line names columns of a shape that rows have, whatever parts them."""
    parts = header.split(delimiter_of(header))
    return len(parts) > 1 and any(p.strip().strip('"').lower() in known_fields() for p in parts)


def _is_cut(line: str) -> bool:
    """Whether a line goes on beyond what was read of the file."""
    return len(line) >= HEAD_LETTERS - len(ENDINGS)


def _loaded(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _fits(row: dict[str, object]) -> bool:
    fields = {str(name).strip().lower(): value for name, value in row.items()}
    has_columns = all(isinstance(value, list) and not _holds_turns(value) for value in row.values())
    return not has_columns and any(shape.fits(fields) for shape in SHAPES)


def _holds_turns(value: list[object]) -> bool:
    return any(isinstance(item, dict) for item in value)


def _lists(head: str) -> dict[str, str]:
    """What the values of an object are, as far as its first letters show.

    `{` for a list of rows, `column` for a list of single values, anything else for the rest.
    """
    pieces = Pieces(io.StringIO(head))
    found: dict[str, str] = {}
    known = known_fields()
    try:
        for name in values_by_name(pieces):
            inner = pieces.inside_list()
            if inner == "{" and name.strip().lower() not in known:
                found[name] = "{"
                return found
            found[name] = "column" if inner not in ("", "]", "{") else "value"
            pass_over(pieces)
    except BrokenJsonError:
        pass
    return found
