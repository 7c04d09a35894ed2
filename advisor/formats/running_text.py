"""Running text as rows: whole paragraphs, gathered to pieces that a row can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from advisor.formats.opening import is_damaged
from advisor.formats.rows import LONGEST_ROW, Row, damaged
from advisor.schema.dataset import Fault

TEXT_SUFFIXES = frozenset((".txt", ".text", ".md", ".markdown"))
PIECE_LETTERS = 16_000
"""A piece ends at the first paragraph's end beyond so many letters; no paragraph is cut."""
TEXT = "text"


def read_text(stream: TextIO, encoding: str) -> Iterator[Row | Fault]:
    """One row `{"text": ...}` for each piece; its line is that where the piece begins."""
    held: list[str] = []
    size, begins = 0, 1
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_ROW), ""), 1):
        if not held and not line.strip():
            continue
        if not held:
            begins = number
        held.append(line)
        size += len(line)
        if size >= PIECE_LETTERS and not line.strip():
            yield _row(begins, held, encoding)
            held, size = [], 0
    if held:
        yield _row(begins, held, encoding)


def _row(line: int, held: list[str], encoding: str) -> Row | Fault:
    text = "".join(held).strip()
    return damaged(line, encoding) if is_damaged(text, encoding) else Row(line, {TEXT: text})
