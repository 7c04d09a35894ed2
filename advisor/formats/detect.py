"""Which container a data file is, and which row shape its fields follow."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from advisor.errors import DatasetError
from advisor.formats.rows import BOM, UTF8_HINT, Row, read_json_array, read_json_lines, read_table
from advisor.formats.shapes import COMMON, SHAPES, Shape, shown
from advisor.schema.dataset import Fault

Container = Literal["jsonl", "json", "csv", "tsv"]
HEAD_BYTES = 1 << 16
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read."""

    container: Container
    delimiter: str = ","

    def rows(self, path: Path) -> Iterator[Row | Fault]:
        """The file's rows, read as this layout says."""
        if self.container == "jsonl":
            return read_json_lines(path)
        if self.container == "json":
            return read_json_array(path)
        return read_table(path, delimiter=self.delimiter)


def detect_layout(path: Path) -> Layout:
    """The container by the file's first letters, then by its ending.

    Raises DatasetError when the file is missing, a folder, unreadable, empty, or of another kind.
    """
    first_line = _first_line(path)
    if first_line.startswith(b"["):
        return Layout("json")
    if first_line.startswith(b"{"):
        return _json_lines_or_complaint(path, first_line)
    suffix = path.suffix.lower()
    if suffix in {".jsonl", ".ndjson", ".json"}:
        return Layout("jsonl")
    if suffix in {".tsv", ".tab"} or (suffix != ".csv" and b"\t" in first_line):
        return Layout("tsv", "\t")
    if suffix == ".csv" or b"," in first_line:
        return Layout("csv", ";" if b";" in first_line and b"," not in first_line else ",")
    raise DatasetError(
        f"{path.name} is not a data file that can be read.",
        hint="Accepted: JSON Lines (.jsonl), a JSON array (.json), CSV (.csv) or TSV (.tsv).",
        where=str(path),
    )


def _first_line(path: Path) -> bytes:
    """The first line that is not blank, at most 64 KiB of it."""
    head = _head(path)
    if head.startswith(UTF16_MARKS):
        raise DatasetError(f"{path.name} is UTF-16, not UTF-8.", hint=UTF8_HINT, where=f"{path}:1")
    content = head.removeprefix(BOM).lstrip()
    if not content:
        raise DatasetError(
            f"{path.name} is empty.",
            hint="Give a file with at least one row; `advisor data check --help` says what rows"
            " look like.",
            where=str(path),
        )
    return content.split(b"\n", 1)[0]


def _head(path: Path) -> bytes:
    try:
        if path.is_fifo():
            raise DatasetError(
                f"{path} is a pipe, and data is read more than once.",
                hint="Write the rows to a file first and give that.",
                where=str(path),
            )
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            while head and not head.removeprefix(BOM).strip():
                head = stream.read(HEAD_BYTES)
            return head
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        raise DatasetError(
            f"{path} is a folder, not a data file.",
            hint="Give one file with --data; a folder of texts goes to --docs.",
            where=str(path),
        ) from None
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror or error}.",
            hint="Check the path and its permissions.",
            where=str(path),
        ) from error


def _missing(path: Path) -> DatasetError:
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


def _json_lines_or_complaint(path: Path, first_line: bytes) -> Layout:
    """JSON Lines, unless one object is spread over several lines of a `.json` file."""
    if path.suffix.lower() == ".json" and len(first_line) < HEAD_BYTES - len(BOM):
        try:
            json.loads(first_line)
        except ValueError:
            raise DatasetError(
                f"{path.name} holds one JSON object, not a list of rows.",
                hint="Write an array of rows [{...}, {...}], or one object per line.",
                where=f"{path}:1",
            ) from None
    return Layout("jsonl")


def detect_shape(rows: Iterable[Row], *, path: Path) -> Shape:
    """The shape most of these rows follow; raises DatasetError with what was found."""
    found: Counter[str] = Counter()
    first: Row | None = None
    for row in rows:
        first = first or row
        name = next((shape.name for shape in SHAPES if shape.fits(row.fields)), None)
        if name:
            found[name] += 1
    if found:
        best = found.most_common(1)[0][0]
        return next(shape for shape in SHAPES if shape.name == best)
    raise _unknown_fields(first, path)


def _unknown_fields(row: Row | None, path: Path) -> DatasetError:
    if row is None:
        return DatasetError(f"{path.name} has no rows.", hint=accepted_shapes(), where=str(path))
    names = sorted(row.fields)
    guesses = [did_you_mean(name, wanted_fields()) for name in names]
    listed = ", ".join(map(shown, names[:8])) or "none"
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return DatasetError(
        f"The fields of {path.name} are not known: {listed}{more}.{''.join(guesses)}",
        hint=accepted_shapes(),
        where=f"{path}:{row.line}",
    )


def wanted_fields() -> frozenset[str]:
    """Every field name some shape looks at."""
    return frozenset().union(*(shape.known() for shape in SHAPES))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A guess as a sentence with a space in front, or nothing when `name` is known or far off."""
    close = _closest(name, known)
    return f" Did you mean '{close}' by {shown(name)}?" if close else ""


def guess(name: str, known: Iterable[str]) -> str:
    """The same guess in brackets, for the middle of a sentence."""
    close = _closest(name, known)
    return f" (did you mean '{close}' by {shown(name)}?)" if close else ""


def _closest(name: str, known: Iterable[str]) -> str:
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.75)
    return close[0] if close and name not in choices else ""


def accepted_shapes() -> str:
    """All row shapes in one sentence."""
    shapes = ", ".join(shape.text() for shape in SHAPES)
    return f"Accepted rows: {shapes}; optional beside them: {', '.join(COMMON)}."
