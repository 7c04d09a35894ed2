"""Rows of a delimited table: CSV, TSV and their kin."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from advisor.formats.opening import is_damaged
from advisor.formats.rows import LONGEST_ROW, Row, damaged
from advisor.schema.dataset import Fault

DELIMITERS = (",", ";", "\t", "|")


def delimiter_of(header: str) -> str:
    """The delimiter that parts a header line into most columns, outside of quotes."""
    plain = "".join(header.split('"')[0::2])
    return max(DELIMITERS, key=plain.count)


def read_table(stream: TextIO, encoding: str, *, delimiter: str) -> Iterator[Row | Fault]:
    """One row for each record below the header line."""
    csv.field_size_limit(LONGEST_ROW)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken_table(line, str(error))
            return
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            if twice := [name for name in header if name and header.count(name) > 1]:
                yield _broken_table(line, f"the header has two columns {twice[0]!r}")
                return
        else:
            yield _row_of_cells(line, header, cells, encoding)


def _broken_table(line: int, reason: str) -> Fault:
    return Fault(
        code="broken_table",
        line=line,
        message=f"the record starting here cannot be read: {reason}; nothing after it was read",
        hint='Put cells with quotes or line breaks in quotes, and write a quote inside as "".',
    )


def _row_of_cells(line: int, header: list[str], cells: list[str], encoding: str) -> Row | Fault:
    if len(cells) != len(header):
        return Fault(
            code="wrong_columns",
            line=line,
            message=f"the number of cells is {len(cells)}, of columns in the header {len(header)}",
            hint="Put cells that hold the delimiter in quotes.",
        )
    if any(is_damaged(cell, encoding) for cell in cells):
        return damaged(line, encoding)
    return Row(line, dict(zip(header, cells, strict=True)))
