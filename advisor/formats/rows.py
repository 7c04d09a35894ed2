"""Raw rows: the fields of one row with its place, and JSON Lines as the plainest source of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from advisor.formats.opening import UTF8, Compression, open_bytes, open_text
from advisor.schema.dataset import Fault

BOM = b"\xef\xbb\xbf"
LONGEST_ROW = 1 << 26
"""Bytes or letters of one row; a longer one is refused, so that a lost line end or quote never
makes a whole file one row."""
UTF8_HINT = "Save the file as UTF-8 (in a spreadsheet: export as 'CSV UTF-8')."
JSON_HINT = "Each row must be one complete JSON object; look for a missing quote, comma or brace."
OBJECT_HINT = 'Write each row as an object with named fields: {"prompt": ..., "completion": ...}.'
CLEAN_NAMES = 10_000
LINE_ENDS = frozenset(("\n", "\r\n", ""))
SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""The decoder without its search for spaces around the value."""


class Row(NamedTuple):
    """The fields of one row; keys are lower-case and trimmed."""

    line: int
    fields: dict[str, object]


class Naming:
    """Field names lower-case and trimmed, quick where they already are."""

    def __init__(self) -> None:
        self.clean: set[str] = set()
        """Names known to be as they should be."""

    def row(self, line: int, value: object) -> Row | Fault:
        """The row of a JSON value, or the fault that it is no object."""
        if not isinstance(value, dict):
            message = f"a row must be an object with named fields, got {_kind(value)}"
            return Fault(code="not_an_object", line=line, message=message, hint=OBJECT_HINT)
        if self.clean.issuperset(value):
            return Row(line, value)
        fields = {str(key).strip().lower(): item for key, item in value.items()}
        if len(self.clean) < CLEAN_NAMES:
            self.clean.update(key for key in value if key in fields)
        return Row(line, fields)


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def read_json_lines(path: Path, compression: Compression, encoding: str) -> Iterator[Row | Fault]:
    """One row for each line that is not blank."""
    naming = Naming()
    with _open_lines(path, compression, encoding) as stream:
        for line, raw in enumerate(iter(partial(stream.readline, LONGEST_ROW), stream.read(0)), 1):
            if (quick := _quick_row(raw, naming)) is not None:
                yield Row(line, quick)
                continue
            content = raw.removeprefix(BOM) if line == 1 and encoding == UTF8 else raw
            if len(raw) == LONGEST_ROW:
                _skip_line(stream, raw)
                yield too_long(line)
            elif content.strip():
                yield _row_of_line(line, content, naming)


def _quick_row(raw: bytes | str, naming: Naming) -> dict[str, object] | None:
    """The fields of a line that is as lines should be; None for a second, slower look."""
    try:
        text = raw.decode()  # type: ignore[union-attr]
        value, end = SCAN(text, 0)
    except (AttributeError, ValueError, StopIteration, RecursionError):
        return None
    if type(value) is not dict or not naming.clean.issuperset(value):
        return None
    if text[end:] not in LINE_ENDS or has_key_twice(text, value):
        return None
    return value


def _open_lines(path: Path, compression: Compression, encoding: str) -> Any:
    if encoding == UTF8:
        return open_bytes(path, compression)
    return open_text(path, compression, encoding, newline="\n")


def _skip_line(stream: Any, raw: Any) -> None:
    """Read on to the end of a line, holding no more than a piece of it."""
    while raw and raw[-1] not in ("\n", 10):
        raw = stream.readline(LONGEST_ROW)


def _row_of_line(line: int, content: bytes | str, naming: Naming) -> Row | Fault:
    try:
        text = content if isinstance(content, str) else content.decode()
        if text is content and "\ufffd" in text:
            return not_decoded(line)
        value = json.loads(text)
        return duplicate_key(line) if has_key_twice(text, value) else naming.row(line, value)
    except UnicodeDecodeError as error:
        return not_utf8(line, error)
    except json.JSONDecodeError as error:
        return broken_json(line, f"{error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        return broken_json(line, str(error))


def has_key_twice(text: str, value: object) -> bool:
    """Whether the JSON text of an object gives one of the object's own names twice.

    A name inside a text stands there with escaped quotes, so that counting settles nearly all rows.
    """
    if type(value) is not dict:
        return False
    for key in value:  # noqa: SIM110 - a generator takes twice the time
        if text.count(f'"{key}"') > 1 and _is_twice(text):
            return True
    return False


def _is_twice(text: str) -> bool:
    found = False

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made = dict(pairs)
        found = len(made) < len(pairs)  # the outermost object comes last
        return made

    try:
        json.loads(text.removeprefix("\ufeff"), object_pairs_hook=note)
    except (ValueError, RecursionError):
        return False
    return found


def duplicate_key(line: int) -> Fault:
    """The fault of a row that says two things under one name."""
    return Fault(
        code="duplicate_key",
        line=line,
        message="the row has a field twice, and only the last value would be read",
        hint="Delete one of the two, or give it a name of its own.",
    )


def broken_json(line: int, reason: str, *, consequence: str = "") -> Fault:
    """The fault of a row that is not JSON."""
    message = f"broken JSON: {reason}{consequence}"
    return Fault(code="broken_json", line=line, message=message, hint=JSON_HINT)


def too_long(line: int) -> Fault:
    """The fault of a row that is longer than any sample is."""
    return Fault(
        code="too_long",
        line=line,
        message=f"a row of more than {LONGEST_ROW >> 20} MiB",
        hint="Look for a missing line end or an open quote; split what is really so long.",
    )


def not_utf8(line: int, error: UnicodeDecodeError | None = None) -> Fault:
    """The fault of a row that holds bytes that are not UTF-8."""
    place = f" (byte 0x{error.object[error.start]:02x} at {error.start + 1})" if error else ""
    return Fault(code="not_utf8", line=line, message=f"not UTF-8{place}", hint=UTF8_HINT)


def not_decoded(line: int) -> Fault:
    """The fault of a row with bytes that the file's own encoding does not have."""
    message = "holds bytes that the file's encoding does not have"
    return Fault(code="not_decoded", line=line, message=message, hint=UTF8_HINT)


def damaged(line: int, encoding: str) -> Fault:
    """Either of the two."""
    return not_utf8(line) if encoding == UTF8 else not_decoded(line)
