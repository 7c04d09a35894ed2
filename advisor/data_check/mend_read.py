"""Rows of a data file with their fields as they are written, for a copy that changes only faults.

`advisor.formats` reads rows to learn from and evens out the names of their fields; a copy must not.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from advisor.formats._arrow import arrow_rows
from advisor.formats.json_file import BrokenJsonError, Pieces
from advisor.formats.layout import Layout
from advisor.formats.opening import UTF8, is_damaged, open_bytes, open_text
from advisor.formats.rows import BOM, LONGEST_ROW, Row
from advisor.schema.dataset import Fault

WINDOWS = "cp1252"
"""What a single row that is not UTF-8 is read as."""


class Raw(NamedTuple):
    """One row as it stands."""

    line: int
    fields: dict[str, Any] | None
    """None for a row that cannot be read."""
    text: str = ""
    """The row as JSON where the file holds it so."""
    code: str = ""
    """What is wrong with it, where it cannot be read; `not_utf8` where it was read all the same."""
    digest: str = ""
    """Of a row that cannot be read, where its bytes are known."""


def raw_rows(path: Path, layout: Layout) -> Iterator[Raw]:
    """Every row of the file; where the file ends in damage, the last one says so."""
    if layout.container == "jsonl":
        yield from _json_lines(path, layout)
    elif layout.container in ("csv", "tsv"):
        yield from _table(path, layout)
    else:
        yield from _others(path, layout)


def _json_lines(path: Path, layout: Layout) -> Iterator[Raw]:
    """The lines beside what the reader says of them: it knows every way a line can be wrong."""
    readings = layout.rows(path)
    lines = _lines(path, layout)
    number = 0
    for reading in readings:
        content = b""
        while number < reading.line:
            content = next(lines, b"")
            number += 1
        if isinstance(reading, Row):
            text = content.decode(errors="replace")
            yield Raw(reading.line, json.loads(text), text)
        else:
            yield _perhaps_windows(reading, content)


def _lines(path: Path, layout: Layout) -> Iterator[bytes]:
    """Lines in UTF-8 without their ends; of one that is too long for a row the beginning."""
    if layout.encoding == UTF8:
        with open_bytes(path, layout.compression) as stream:
            for number, line in enumerate(_pieces(stream, b"")):
                yield (line if number else line.removeprefix(BOM)).rstrip(b"\r\n")
    else:
        with open_text(path, layout.compression, layout.encoding, newline="\n") as texts:
            for text in _pieces(texts, ""):
                yield text.rstrip("\r\n").encode()


def _pieces(stream: Any, end: bytes | str) -> Iterator[Any]:
    for line in iter(partial(stream.readline, LONGEST_ROW), end):
        piece = line
        while len(piece) == LONGEST_ROW and piece[-1] not in ("\n", 10):
            piece = stream.readline(LONGEST_ROW)
        yield line


def _perhaps_windows(fault: Fault, content: bytes) -> Raw:
    if fault.code == "not_utf8":
        try:
            text = content.decode(WINDOWS)
            fields = json.loads(text)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return Raw(fault.line, fields, text, "not_utf8")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Raw(fault.line, None, code=fault.code, digest=digest)


def _table(path: Path, layout: Layout) -> Iterator[Raw]:
    """Records under the header's own names."""
    header = header_of(path, layout)
    with open_text(path, layout.compression, layout.encoding) as stream:
        records = csv.reader(stream, delimiter=layout.delimiter, strict=True)
        place = 0
        cells: list[str] = []
        for reading in layout.rows(path):
            while place < reading.line:
                place = records.line_num + 1
                try:
                    cells = next(records)
                except (csv.Error, StopIteration):
                    cells = []
                    break
            yield _record(reading, header, cells, layout.encoding)


def header_of(path: Path, layout: Layout) -> list[str]:
    """The names of a table's columns as they are written."""
    csv.field_size_limit(LONGEST_ROW)
    with open_text(path, layout.compression, layout.encoding) as stream:
        for cells in csv.reader(stream, delimiter=layout.delimiter):
            if any(cell.strip() for cell in cells):
                return cells
    return []


def _record(reading: Row | Fault, header: list[str], cells: list[str], encoding: str) -> Raw:
    if isinstance(reading, Row):
        return Raw(reading.line, dict(zip(header, cells, strict=True)))
    if reading.code == "not_utf8" and len(cells) == len(header):
        try:
            read = [_as_windows(cell, encoding) for cell in cells]
        except ValueError:
            pass
        else:
            return Raw(reading.line, dict(zip(header, read, strict=True)), code="not_utf8")
    text = "\x1f".join(cells).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(text).hexdigest()[:16] if cells else ""
    return Raw(reading.line, None, code=reading.code, digest=digest)


def _as_windows(cell: str, encoding: str) -> str:
    if not is_damaged(cell, encoding):
        return cell
    return cell.encode("utf-8", "surrogateescape").decode(WINDOWS)


def _others(path: Path, layout: Layout) -> Iterator[Raw]:
    """Rows of arrays and binary files: the reader's, with the values as they are written."""
    written = _values(path, layout)
    for reading in layout.rows(path):
        value = next(written, None)
        if isinstance(reading, Fault):
            yield Raw(reading.line, None, code=reading.code)
        else:
            yield Raw(reading.line, value if isinstance(value, dict) else reading.fields)


def _values(path: Path, layout: Layout) -> Iterator[Any]:
    if layout.container in ("parquet", "arrow"):
        yield from arrow_rows(path, layout.container)
    elif layout.container == "json" and not layout.form:
        with open_text(path, layout.compression, layout.encoding) as stream:
            yield from _elements(Pieces(stream))


def _elements(pieces: Pieces) -> Iterator[Any]:
    """Values of a list, as far as it can be read."""
    try:
        pieces.peek()
        pieces.skip()
        while pieces.peek() not in ("", "]"):
            yield pieces.value()
            if pieces.peek() == ",":
                pieces.skip()
    except BrokenJsonError:
        return
