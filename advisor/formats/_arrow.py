"""Back room: rows of Parquet and Arrow files, one batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import MissingExtraError

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema

BATCH_ROWS = 256
"""Rows that are turned into values at a time."""
CONTINUATION = b"\xff\xff\xff\xff"
"""How an Arrow stream begins; an Arrow file begins with its name."""


def arrow_errors() -> tuple[type[Exception], ...]:
    """What reading a damaged file can raise; MissingExtraError where pyarrow is not installed."""
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - heavy
    except ImportError:
        raise MissingExtraError("Reading Parquet and Arrow files", "data") from None
    return (
        ArrowException,
        KeyError,
        MemoryError,
        OSError,
        OverflowError,
        SystemError,
        ValueError,
    )


def arrow_rows(path: Path, container: str) -> Iterator[dict[str, Any]]:
    """Rows as fields, in file order; raises what `arrow_errors` lists.

    Columns of raw bytes (pictures, sounds) are left out: no row shape reads them. Labels that
    the file numbers and names (`ClassLabel` of `datasets`) come by their names.
    """
    for batch in _parquet(path) if container == "parquet" else _ipc(path):
        names = _label_names(batch.schema)
        for start in range(0, batch.num_rows, BATCH_ROWS):
            piece = _readable(batch.slice(start, BATCH_ROWS))
            piece.validate(full=True)  # a damaged file has offsets that lead out of memory
            rows = piece.to_pylist()
            yield from (_named(row, names) for row in rows) if names else rows


def _label_names(schema: Schema) -> dict[str, list[str]]:
    """Names of numbered labels by column, out of what `datasets` writes beside the schema."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = told["info"]["features"].items()
        return {
            name: feature["names"]
            for name, feature in features
            if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(row: dict[str, Any], names: dict[str, list[str]]) -> dict[str, Any]:
    for column, listed in names.items():
        number = row.get(column)
        if isinstance(number, int) and 0 <= number < len(listed):
            row[column] = listed[number]
    return row


def _parquet(path: Path) -> Iterator[RecordBatch]:
    from pyarrow import parquet  # noqa: PLC0415 - heavy

    with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        wanted = [field.name for field in file.schema_arrow if not _is_bytes(field.type)]
        yield from file.iter_batches(batch_size=BATCH_ROWS, columns=wanted, use_threads=False)


def _ipc(path: Path) -> Iterator[RecordBatch]:
    """Batches of an Arrow file or stream, mapped rather than read: one may be the whole file."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    with path.open("rb") as start:
        is_stream = start.read(4) == CONTINUATION
    with pa.memory_map(str(path)) as source:
        if is_stream:
            yield from pa.ipc.open_stream(source)
            return
        file = pa.ipc.open_file(source)
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def _readable(batch: RecordBatch) -> RecordBatch:
    return batch.select([field.name for field in batch.schema if not _is_bytes(field.type)])


def _is_bytes(kind: Any) -> bool:
    """Bytes, or a structure with bytes in it."""
    from pyarrow import types  # noqa: PLC0415 - heavy

    if types.is_binary(kind) or types.is_large_binary(kind):
        return True
    if types.is_fixed_size_binary(kind):
        return True
    return types.is_struct(kind) and any(_is_bytes(field.type) for field in kind)
