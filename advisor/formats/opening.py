"""Opens data files as bytes or text: plain or compressed, with what cannot be read told."""

from __future__ import annotations

import bz2
import difflib
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, cast

from advisor.errors import DatasetError

Compression = Literal["", "gz", "bz2", "xz"]
COMPRESSIONS: dict[bytes, Compression] = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
}
BROKEN_ARCHIVE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""What a compressed file that ends early or is damaged raises; bz2 raises OSError."""
BUFFER = 1 << 20
UTF8 = "utf-8"
ACCEPTED = (
    "Accepted: JSON Lines, JSON, CSV, TSV, running text (also as .gz, .bz2 or .xz), Parquet, Arrow,"
    " or a folder of them."
)
FOREIGN: dict[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("a ZIP archive or a spreadsheet", "Unpack it, or export the table as CSV."),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "Unpack it, or use gzip."),
    b"SQLite format 3": ("an SQLite database", "Export the table as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Office document", "Export the table as CSV."),
    b"%PDF": ("a PDF document", "Documents go to --docs as text; rows go to --data."),
    b"FEA1": ("Feather of version 1", "Write it again with a current pyarrow."),
}
"""Kinds that are told apart only to say what they are."""


def first_bytes(path: Path, count: int = 16) -> bytes:
    """The file's first bytes as they stand on disk; raises DatasetError with the reason."""
    try:
        if path.is_fifo():
            raise DatasetError(
                f"{path} is a pipe, and data is read more than once.",
                hint="Write the rows to a file first and give that.",
                where=str(path),
            )
        with path.open("rb") as stream:
            return stream.read(count)
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DatasetError:
    """The error for a file that the system does not hand out."""
    return DatasetError(
        f"{path} cannot be read: {error.strerror or error}.",
        hint="Check the path and its permissions.",
        where=str(path),
    )


def missing(path: Path) -> DatasetError:
    """The error for a path that does not exist, with the nearest name beside it."""
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        siblings = []
    close = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.75)
    guess = f" Did you mean '{path.parent / close[0]}'?" if close else ""
    return DatasetError(
        f"There is no file {path}.{guess}",
        hint="Check the spelling of the path; it is taken from the working folder.",
        where=str(path),
    )


def compression_of(path: Path) -> Compression:
    """How the file is compressed, by its first bytes; raises DatasetError for foreign kinds."""
    start = first_bytes(path)
    for mark, (kind, hint) in FOREIGN.items():
        if start.startswith(mark):
            message = f"{path.name} is {kind}, which is not read."
            raise DatasetError(message, hint=f"{hint} {ACCEPTED}", where=str(path))
    return next((kind for mark, kind in COMPRESSIONS.items() if start.startswith(mark)), "")


def open_bytes(path: Path, compression: Compression) -> BinaryIO:
    """The file's content, unpacked as it is read."""
    if not compression:
        return path.open("rb", buffering=BUFFER)
    unpacked = cast("BinaryIO", UNPACKERS[compression](path, "rb"))
    return io.BufferedReader(_Unpacked(unpacked), BUFFER)


UNPACKERS: dict[str, Callable[[Path, Literal["rb"]], object]] = {
    "gz": gzip.open,
    "bz2": bz2.open,
    "xz": lzma.open,
}


class _Unpacked(io.RawIOBase):
    """Hands out what could be unpacked before damage is met, which a whole buffer would lose."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill as much as one step gives."""
        content = self._stream.read1(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file too."""
        self._stream.close()
        super().close()


def open_text(path: Path, compression: Compression, encoding: str, *, newline: str = "") -> TextIO:
    """The file's content as text with its line ends as they are.

    Bytes that are wrong become lone surrogates in UTF-8, and U+FFFD in other encodings: see
    `is_damaged`.
    """
    name, errors = ("utf-8-sig", "surrogateescape") if encoding == UTF8 else (encoding, "replace")
    stream = open_bytes(path, compression)
    return io.TextIOWrapper(stream, encoding=name, errors=errors, newline=newline)


def is_damaged(text: str, encoding: str) -> bool:
    """Whether a piece of such text holds bytes that could not be decoded."""
    if text.isascii():
        return False
    if encoding != UTF8:
        return "\ufffd" in text
    return any("\udc80" <= letter <= "\udcff" for letter in text)
