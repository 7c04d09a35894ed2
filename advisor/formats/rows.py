"""Raw rows out of JSON Lines, a JSON array or a delimited table, each with its line number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from advisor.schema.dataset import Fault

BOM = b"\xef\xbb\xbf"
LARGEST_CELL = 2**31 - 1
UTF8_HINT = "Save the file as UTF-8 (in a spreadsheet: export as 'CSV UTF-8')."


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one row; keys are lower-case and trimmed."""

    line: int
    fields: dict[str, object]


def read_json_lines(path: Path) -> Iterator[Row | Fault]:
    """One row for each line that is not blank."""
    with path.open("rb") as stream:
        for line, raw in enumerate(stream, start=1):
            content = raw.removeprefix(BOM) if line == 1 else raw
            if content.strip():
                yield _row_of_line(line, content)


def _row_of_line(line: int, content: bytes) -> Row | Fault:
    try:
        return _row_of_json(line, json.loads(content.decode("utf-8")))
    except UnicodeDecodeError as error:
        return not_utf8(line, error)
    except json.JSONDecodeError as error:
        return _broken(line, f"{error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        return _broken(line, str(error))


def _row_of_json(line: int, value: object) -> Row | Fault:
    if not isinstance(value, dict):
        message = f"a row must be an object with named fields, got {_kind(value)}"
        return Fault(code="not_an_object", line=line, message=message)
    return Row(line, {str(key).strip().lower(): item for key, item in value.items()})


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _broken(line: int, reason: str, *, consequence: str = "") -> Fault:
    return Fault(
        code="broken_json",
        line=line,
        message=f"broken JSON: {reason}{consequence}",
        hint="Each row must be one complete JSON object; look for a missing quote, comma or brace.",
    )


def not_utf8(line: int, error: UnicodeDecodeError | None = None) -> Fault:
    """The fault of a row that holds bytes that are not UTF-8."""
    place = f" (byte 0x{error.object[error.start]:02x} at {error.start + 1})" if error else ""
    return Fault(code="not_utf8", line=line, message=f"not UTF-8{place}", hint=UTF8_HINT)


def read_json_array(path: Path) -> Iterator[Row | Fault]:
    """One row for each element; a syntax error ends the reading, since what follows is unsure."""
    raw = path.read_bytes().removeprefix(BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        yield not_utf8(raw.count(b"\n", 0, error.start) + 1)
        return
    yield from _elements(text)


def _elements(text: str) -> Iterator[Row | Fault]:
    decoder = json.JSONDecoder()
    position = _skip_space(text, text.index("[") + 1)
    line, counted = 1, 0
    while not text.startswith("]", position):
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(text, position)
            yield _row_of_json(line, value)
            position = _after_element(text, _skip_space(text, position))
        except json.JSONDecodeError as error:
            reason = f"{error.msg} (column {error.colno})"
            yield _broken(error.lineno, reason, consequence="; nothing after it was read")
            return
        except (ValueError, RecursionError) as error:
            yield _broken(line, str(error), consequence="; nothing after it was read")
            return
    rest = _skip_space(text, position + 1)
    if rest < len(text):
        yield _broken(text.count("\n", 0, rest) + 1, "there is text after the closing bracket")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _after_element(text: str, position: int) -> int:
    """Where the next element or the closing bracket stands."""
    if text.startswith("]", position):
        return position
    if not text.startswith(",", position):
        raise json.JSONDecodeError("Expecting ',' or ']' between rows", text, position)
    after = _skip_space(text, position + 1)
    if text.startswith("]", after):
        raise json.JSONDecodeError("Expecting a row after ','", text, after)
    return after


def read_table(path: Path, *, delimiter: str) -> Iterator[Row | Fault]:
    """One row for each record below the header line."""
    csv.field_size_limit(LARGEST_CELL)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _broken_table(line, str(error))
                return
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                if twice := [name for name in header if name and header.count(name) > 1]:
                    yield _broken_table(line, f"the header has two columns '{twice[0]}'")
                    return
            else:
                yield _row_of_cells(line, header, cells)


def _broken_table(line: int, reason: str) -> Fault:
    return Fault(
        code="broken_table",
        line=line,
        message=f"the record starting here cannot be read: {reason}; nothing after it was read",
        hint='Put cells with quotes or line breaks in quotes, and write a quote inside as "".',
    )


def _row_of_cells(line: int, header: list[str], cells: list[str]) -> Row | Fault:
    if len(cells) != len(header):
        return Fault(
            code="wrong_columns",
            line=line,
            message=f"the number of cells is {len(cells)}, of columns in the header {len(header)}",
            hint="Put cells that hold the delimiter in quotes.",
        )
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return not_utf8(line)
    return Row(line, dict(zip(header, cells, strict=True)))
