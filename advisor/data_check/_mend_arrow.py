"""Back room: writes rows as Parquet or Arrow under the schema of the file they came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BATCH_ROWS = 512


def plain_schema(path: Path, container: str, texts: frozenset[str]) -> Any | None:
    """The file's schema where JSON can hold every value of it; None for any other.

    Columns in `texts` (lower-case) that hold numbers become text.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    from pyarrow import parquet  # noqa: PLC0415

    if container == "parquet":
        schema = parquet.read_schema(path)
    else:
        with pa.memory_map(str(path)) as source:
            try:
                schema = pa.ipc.open_file(source).schema
            except pa.ArrowInvalid:
                schema = pa.ipc.open_stream(source).schema
    if not all(_is_plain(field.type) for field in schema):
        return None
    for place, field in enumerate(schema):
        if field.name.strip().lower() in texts and _is_number(field.type):
            schema = schema.set(place, pa.field(field.name, pa.string()))
    return schema


def _is_number(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415 - heavy

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _is_plain(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415 - heavy

    if types.is_struct(kind):
        return all(_is_plain(field.type) for field in kind)
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_plain(kind.value_type)
    return any(
        check(kind)
        for check in (
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_null,
        )
    )


class ArrowRows:
    """Takes rows and writes them in batches."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer = writer
        self._schema = schema
        self._held: list[dict[str, Any]] = []

    def add(self, fields: dict[str, Any]) -> None:
        """One row more; raises what pyarrow raises for a value that the schema does not take."""
        self._held.append(fields)
        if len(self._held) == BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa  # noqa: PLC0415 - heavy

        if self._held:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._held, schema=self._schema))
            self._held = []


@contextmanager
def arrow_writer(path: Path, container: str, schema: Any) -> Iterator[ArrowRows]:
    """A writer of the file; what was added is on disk once the context ends."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    from pyarrow import parquet  # noqa: PLC0415

    make = parquet.ParquetWriter if container == "parquet" else pa.ipc.new_file
    with make(str(path), schema) as writer:
        rows = ArrowRows(writer, schema)
        yield rows
        rows.flush()
