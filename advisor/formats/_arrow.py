"""Back room: rows of Parquet and Arrow files, one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH_ROWS = 512


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file as fields; raises ImportError and what pyarrow raises."""
    from pyarrow import parquet  # noqa: PLC0415 - heavy

    with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            yield from batch.to_pylist()
