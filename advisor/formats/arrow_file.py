"""Rows of Parquet and Arrow files, with a damaged file told as a fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from advisor.formats._arrow import arrow_errors, arrow_rows
from advisor.formats.rows import Naming, Row
from advisor.schema.dataset import Fault


def read_arrow(path: Path, container: str) -> Iterator[Row | Fault]:
    """One row for each record; a row's line is its number, counted from 1.

    Raises MissingExtraError without pyarrow.
    """
    naming, number = Naming(), 0
    errors = arrow_errors()
    try:
        for number, fields in enumerate(arrow_rows(path, container), start=1):
            yield naming.row(number, fields)
    except errors as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Fault(
            code="broken_file",
            line=number + 1,
            message=f"damaged {container} file: {told[:160]}; nothing after it was read",
            hint="Copy or write the file again.",
        )
