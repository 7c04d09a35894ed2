"""Writes rows in the container they came in, whole or not at all."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from advisor.data_check._mend_arrow import arrow_writer, plain_schema
from advisor.data_check.mend_read import header_of
from advisor.errors import InputError, StorageError
from advisor.formats.layout import plain_name
from advisor.formats.opening import Compression
from advisor.formats.source import Source

ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
COMPRESSED: dict[str, Compression] = {".gz": "gz", ".bz2": "bz2", ".xz": "xz"}
AddText = Callable[[str], None]
"""Takes a row as JSON text."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the copy is written as."""

    container: str
    compression: Compression = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    schema: Any = field(default=None, repr=False)
    note: str = ""
    """Where it is not what the original is."""

    @property
    def name(self) -> str:
        """As it is told: `jsonl.gz`."""
        return f"{self.container}.{self.compression}" if self.compression else self.container


def target_of(source: Source, out: Path, texts: frozenset[str] = frozenset()) -> Target:
    """The original's container where it can be written, else JSON as `out` ends, packed likewise.

    `texts` are fields whose numbers are written as text. Raises InputError when the ending of
    `out` says a third thing.
    """
    compression = COMPRESSED.get(out.suffix.lower(), "")
    wanted = ENDINGS.get(Path(plain_name(out)).suffix)
    same = _same(source, compression, texts)
    if same and wanted in (None, same.container):
        return same
    if same and wanted == "jsonl":
        return Target("jsonl", compression, note=f"{same.container} is copied to JSON Lines.")
    if wanted in (None, "jsonl"):  # a thing that cannot be written as it was
        what = "A folder" if source.path.is_dir() else source.container
        return Target("jsonl", compression, note=f"{what} is copied to one JSON Lines file.")
    if wanted == "json":
        what = "A folder" if source.path.is_dir() else source.container
        return Target("json", compression, note=f"{what} is copied to one JSON array.")
    possible = "json or jsonl" if same is None else f"{same.container}, json or jsonl"
    raise InputError(
        f"A copy of {source.container} cannot be written as {wanted}.",
        hint=f"Let --out end as {possible} does.",
        where=str(out),
    )


def _same(source: Source, compression: Compression, texts: frozenset[str]) -> Target | None:
    """The source's own container; None where it cannot be written as it was."""
    part = source.parts[0]
    layout = part.layout
    if len(source.parts) > 1 or source.path.is_dir() or layout.form or layout.container == "text":
        return None
    if layout.container in ("parquet", "arrow"):
        schema = None if compression else plain_schema(part.path, layout.container, texts)
        return None if schema is None else Target(layout.container, schema=schema)
    header = tuple(header_of(part.path, layout)) if layout.container in ("csv", "tsv") else ()
    return Target(layout.container, compression, layout.delimiter, header)


@contextmanager
def rows_writer(path: Path, target: Target) -> Iterator[AddText]:
    """What takes the rows of a file; complete once the context ends."""
    if target.container in ("parquet", "arrow"):
        with arrow_writer(path, target.container, target.schema) as rows:
            yield lambda text: rows.add(json.loads(text))
        return
    with _text_file(path, target.compression) as stream:
        if target.container == "json":
            yield from _array(stream)
        elif target.container in ("csv", "tsv"):
            yield _table(stream, target)
        else:
            yield lambda text: cast("None", stream.write(text + "\n"))


def _array(stream: TextIO) -> Iterator[AddText]:
    stream.write("[")
    between = ["\n"]

    def add(text: str) -> None:
        stream.write(between[0] + text)
        between[0] = ",\n"

    yield add
    stream.write("\n]\n")


def _table(stream: TextIO, target: Target) -> AddText:
    record = io.StringIO()
    table = csv.writer(record, delimiter=target.delimiter)

    def write(cells: Iterable[object]) -> None:
        table.writerow(cells)
        stream.write(record.getvalue().removesuffix("\r\n") + "\n")
        record.seek(0)
        record.truncate()

    def add(text: str) -> None:
        fields = json.loads(text)
        write([fields.get(name, "") for name in target.header])

    write(target.header)
    return add


@contextmanager
def _text_file(path: Path, compression: Compression) -> Iterator[TextIO]:
    with (
        path.open("wb") as plain,
        _packed(plain, compression) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
    ):
        yield stream


@contextmanager
def _packed(plain: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """The same bytes every time: no date goes into the archive."""
    if compression == "gz":
        with gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as packed:
            yield cast("BinaryIO", packed)
    elif compression == "bz2":
        with bz2.open(plain, "wb") as packed_bz2:
            yield cast("BinaryIO", packed_bz2)
    elif compression == "xz":
        with lzma.open(plain, "wb") as packed_xz:
            yield cast("BinaryIO", packed_xz)
    else:
        yield plain


@contextmanager
def storing(out: Path) -> Iterator[None]:
    """Makes the folder of `out`; raises StorageError for what goes wrong with the disk inside."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot write {out.name}: {error.strerror or error}.",
            hint="Free some space or choose another --out; nothing was half-written.",
            where=str(out.parent),
        ) from error


@contextmanager
def passing(out: Path) -> Iterator[Path]:
    """A place beside `out` for a file that is gone in the end."""
    place = out.parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        yield place
    finally:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)


@contextmanager
def whole(*paths: Path) -> Iterator[list[Path]]:
    """Places beside the paths that take their names once everything in them is on the disk."""
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(passing(path)) for path in paths]
        yield places
        for place in places:
            with place.open("rb+") as stream:
                os.fsync(stream.fileno())
        for place, path in zip(places, paths, strict=True):
            place.replace(path)
