"""Rows of one JSON value that may be larger than memory: read piece by piece, with line numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TextIO

from advisor.formats.columns import SPLITS
from advisor.formats.opening import is_damaged
from advisor.formats.rows import (
    LONGEST_ROW,
    Naming,
    Row,
    broken_json,
    damaged,
    duplicate_key,
    has_key_twice,
    too_long,
)
from advisor.schema.dataset import Fault

CHUNK = 1 << 18
"""Letters read at a time."""
CUT_MARGIN = 16
"""An error so near to the end of what was read may come from the cut: `tru`, `\\u00`."""
SPACE = " \t\r\n"
REST = "; nothing after it was read"


class BrokenJsonError(Exception):
    """Where and why the value cannot be read any further."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Pieces:
    """A window over JSON text that moves on as values are taken out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._counted = 0
        self._line = 1
        self._column = 0
        """Letters of the first line that are no longer in the window."""
        self._taken = ""

    @property
    def line(self) -> int:
        """Line of the next letter, counted from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    @property
    def taken(self) -> str:
        """The text of the last value."""
        return self._taken

    def peek(self) -> str:
        """The next letter that is no space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def skip(self) -> None:
        """Go past one letter."""
        self._at += 1

    def inside_list(self) -> str:
        """The first letter inside the list that comes next; empty where none comes next.

        Only the window is looked at: good for the first letters of a file.
        """
        if self.peek() != "[":
            return ""
        return self._text[self._at + 1 :].lstrip()[:1]

    def value(self) -> object:
        """The next JSON value; raises BrokenJsonError."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._may_be_cut(error) and self._fill():
                    continue
                raise self.broken(error.msg, error.pos) from None
            except (ValueError, RecursionError) as error:
                raise BrokenJsonError(self.line, str(error)) from None
            if end == len(self._text) and isinstance(value, (int, float)) and self._fill():
                continue  # a number may go on behind the cut
            self._taken = self._text[self._at : end]
            self._at = end
            return value

    def broken(self, reason: str, position: int | None = None) -> BrokenJsonError:
        """The error at a place of the window, its next letter unless told otherwise."""
        place = self._at if position is None else position
        start = self._text.rfind("\n", 0, place) + 1
        column = place - start + 1 + (0 if start else self._column)
        line = self.line + self._text.count("\n", self._at, place)
        return BrokenJsonError(line, f"{reason} (column {column})")

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        if len(self._text) - self._at > LONGEST_ROW:
            return False
        near = error.pos >= len(self._text) - CUT_MARGIN
        return near or error.msg.startswith("Unterminated string")

    def _fill(self) -> bool:
        """Forget what was taken and read on, more for a longer value; False at the end."""
        rest = self._text[self._at :]
        more = self._stream.read(max(CHUNK, len(rest)))
        if not more:
            return False
        self._line = self.line
        newline = self._text.rfind("\n", 0, self._at)
        self._column = self._at - newline - 1 + (self._column if newline < 0 else 0)
        self._text, self._at, self._counted = rest + more, 0, 0
        return True


def _items(pieces: Pieces) -> Iterator[tuple[int, object]]:
    """Line and value of each element of a list, the bracket of which is the next letter."""
    pieces.skip()
    if pieces.peek() == "]":
        pieces.skip()
        return
    while True:
        pieces.peek()
        line = pieces.line
        yield line, pieces.value()
        following = pieces.peek()
        if following == ",":
            pieces.skip()
            if pieces.peek() == "]":
                raise pieces.broken("Expecting a row after ','")
        elif following == "]":
            pieces.skip()
            return
        else:
            raise pieces.broken("Expecting ',' or ']' between rows")


class Numbers:
    """What a row is called by: its line, or its ordinal where several rows share a line."""

    def __init__(self, *, by_row: bool) -> None:
        self._by_row = by_row
        self._rows = 0

    def of(self, line: int) -> int:
        """The number of the next row, which begins on this line."""
        self._rows += 1
        return self._rows if self._by_row else line

    def behind(self, line: int) -> int:
        """The number of what follows the rows so far, on this line."""
        return self._rows + 1 if self._by_row else line


def rows_share_lines(head: str, list_name: str = "") -> bool:
    """Whether two rows of a list begin on one line, as far as a file's first letters show."""
    pieces = Pieces(io.StringIO(head))
    try:
        if list_name and list_name not in _passing(pieces):
            return False
        if pieces.peek() != "[":
            return False
        earlier = 0
        for line, _ in _items(pieces):
            if line == earlier:
                return True
            earlier = line
    except BrokenJsonError:
        return "\n" not in head
    return False


def _passing(pieces: Pieces) -> Iterator[str]:
    """The names of an object's values, each value passed over once the next name is wanted."""
    for name in values_by_name(pieces):
        yield name
        pass_over(pieces)


def read_json_array(
    stream: TextIO, encoding: str, *, by_row: bool = False
) -> Iterator[Row | Fault]:
    """One row for each element; a syntax error ends the reading, since what follows is unsure."""
    pieces, naming, numbers = Pieces(stream), Naming(), Numbers(by_row=by_row)
    try:
        pieces.peek()
        yield from _rows(pieces, naming, encoding, numbers)
        if pieces.peek():
            line = numbers.behind(pieces.line)
            yield broken_json(line, "there is text after the closing bracket")
    except BrokenJsonError as error:
        yield broken_json(numbers.behind(error.line), error.reason, consequence=REST)


def _rows(pieces: Pieces, naming: Naming, encoding: str, numbers: Numbers) -> Iterator[Row | Fault]:
    for begins, value in _items(pieces):
        line = numbers.of(begins)
        if is_damaged(pieces.taken, encoding):
            yield damaged(line, encoding)
        elif has_key_twice(pieces.taken, value):
            yield duplicate_key(line)
        else:
            yield naming.row(line, value)


def read_json_object(
    stream: TextIO, encoding: str, list_name: str, *, by_row: bool = False
) -> Iterator[Row | Fault]:
    """The rows of one list in an object; where it is named like a split, of all such lists.

    Everything else in the object is passed over.
    """
    pieces, naming, numbers = Pieces(stream), Naming(), Numbers(by_row=by_row)
    split = is_split(list_name)
    try:
        for name in values_by_name(pieces):
            if not (name == list_name or (split and is_split(name))) or pieces.peek() != "[":
                pass_over(pieces)
                continue
            for row in _rows(pieces, naming, encoding, numbers):
                if isinstance(row, Row) and split:
                    row.fields.setdefault("split", name)
                yield row
    except BrokenJsonError as error:
        yield broken_json(numbers.behind(error.line), error.reason, consequence=REST)


def is_split(name: str) -> bool:
    """Whether a name is that of a split."""
    return name.strip().lower() in SPLITS


def values_by_name(pieces: Pieces) -> Iterator[str]:
    """Names of an object's values, each time standing before the value; the value must be taken."""
    pieces.peek()
    pieces.skip()
    while pieces.peek() != "}":
        key = pieces.value()
        if not isinstance(key, str) or pieces.peek() != ":":
            raise pieces.broken("Expecting a name in quotes and ':'")
        pieces.skip()
        pieces.peek()
        yield key
        if pieces.peek() == ",":
            pieces.skip()
        elif pieces.peek() != "}":
            raise pieces.broken("Expecting ',' or '}' between names")


def pass_over(pieces: Pieces) -> None:
    """Take the next value out without keeping it, a list element by element."""
    if pieces.peek() == "[":
        for _ in _items(pieces):
            pass
    else:
        pieces.value()


def read_json_columns(stream: TextIO) -> Iterator[Row | Fault]:
    """One row for each place of the lists in one object: `{"input": [...], "output": [...]}`.

    The whole object is held, so it may not be longer than LONGEST_ROW.
    """
    text = stream.read(LONGEST_ROW + 1)
    if len(text) > LONGEST_ROW:
        yield too_long(1)
        return
    try:
        columns = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        yield broken_json(line, str(error))
        return
    naming = Naming()
    for row, values in enumerate(zip(*columns.values(), strict=False), 1):
        yield naming.row(row, dict(zip(columns, values, strict=True)))
