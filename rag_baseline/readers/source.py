"""The bytes of one file, and their text made fit to be stored, shown and cut."""

from __future__ import annotations

import re
from pathlib import Path

from advisor.errors import CorpusError

LARGEST_BYTES = 1 << 29
"""Half a GiB: beyond it a file is no document that a reader takes in at once."""
TITLE_CHARACTERS = 200
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("\r\n?|[\x0c\x85]")


def content_of(path: Path, name: str, *, largest: int = LARGEST_BYTES) -> bytes:
    """The file's bytes; raises CorpusError where it cannot be read or is larger than allowed."""
    try:
        if path.stat().st_size > largest:
            raise CorpusError(
                f"{name} is larger than {largest >> 20} MiB.",
                hint="Part it into several files.",
                where=str(path),
            )
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{name} cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
            where=str(path),
        ) from None


def clean(text: str) -> str:
    """The text with line feeds as its only line ends and no other control character than tabs.

    Lone surrogates become U+FFFD, so that the text can be written as UTF-8.
    """
    if "\r" in text or "\x0c" in text or "\x85" in text:
        text = _BREAKS.sub("\n", text)
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    return _CONTROL.sub("", text)


def control_characters(text: str) -> int:
    """How many control characters `clean` takes out."""
    return sum(1 for _ in _CONTROL.finditer(text))


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 page, 2 pages."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def as_title(text: str) -> str:
    """One short line, as a title stands in metadata."""
    return " ".join(clean(text).split())[:TITLE_CHARACTERS].rstrip()
