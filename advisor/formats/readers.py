"""A data file as a `Dataset`: every row read, every faulty row named."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from advisor.errors import DatasetError
from advisor.formats.detect import detect_layout, detect_shape, did_you_mean, guess
from advisor.formats.rows import Row
from advisor.formats.shapes import RowError, Shape, shown, text_of
from advisor.formats.source import Source
from advisor.schema.dataset import Dataset, Fault
from advisor.schema.evaluation import Sample, Split

NO_MAPPING: Mapping[str, str] = MappingProxyType({})
SHAPE_ROWS = 50
"""Rows looked at to recognise the shape, so that one odd first row does not decide."""
FAULTS_SHOWN = 5
SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "testing": "test",
}


def recognise(path: Path, *, mapping: Mapping[str, str] = NO_MAPPING) -> Source:
    """What the file or folder is, found by its first rows; `mapping` overrides what is guessed.

    `mapping` leads from the words of `parse_mapping` to the file's fields. Raises DatasetError
    when the path cannot be read or its rows follow no known shape.
    """
    layout = detect_layout(path)
    head = _head(layout.rows(path))
    known = [item for item in head if isinstance(item, Row)]
    if not known and head:
        raise refusal(path, [item for item in head if isinstance(item, Fault)], rows=len(head))
    shape = detect_shape(known, path=path)
    return Source(
        path=path,
        files=(path,),
        container=layout.container,
        shape=shape.name,
        kind="answers",
        encoding="utf-8",
        mapping=dict(mapping),
        notes=(),
        layout=layout,
        row_shape=shape,
    )


def stream(source: Source) -> Reading:
    """The samples and faults of a source in file order, never more than a few rows at a time.

    Once it has ended, `rows`, `notes` and `licence` of what comes back tell about the whole.
    """
    return Reading(source)


def read_dataset(
    path: Path, *, keep_faulty: bool = False, mapping: Mapping[str, str] = NO_MAPPING
) -> Dataset:
    """The file's samples in file order.

    With `keep_faulty` the faulty rows come back as `Dataset.faults` instead of an error, as
    `advisor data check` wants it. Raises DatasetError naming file and line.
    """
    source = recognise(path, mapping=mapping)
    reading = stream(source)
    samples: list[Sample] = []
    faults: list[Fault] = []
    for item in reading:
        (samples if isinstance(item, Sample) else faults).append(item)  # type: ignore[arg-type]
    if faults and not keep_faulty:
        raise refusal(path, faults, rows=reading.rows)
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()[:16]
    return Dataset(
        path=str(path),
        format=source.format,
        samples=tuple(samples),
        rows=reading.rows,
        digest=digest,
        notes=(*source.notes, *reading.notes),
        faults=tuple(faults),
        kind=source.kind,
        encoding=source.encoding,
        mapping=dict(source.mapping),
        licence=reading.licence,
    )


def _head(stream: Iterator[Row | Fault]) -> list[Row | Fault]:
    """Enough of the first rows to recognise the shape; more while all of them are faulty."""
    head = list(islice(stream, SHAPE_ROWS))
    while not any(isinstance(item, Row) for item in head):
        more = list(islice(stream, SHAPE_ROWS))
        if not more:
            break
        head += more
    return head


def refusal(path: Path, faults: Sequence[Fault], *, rows: int) -> DatasetError:
    """All faults in one error: the first five, then how many more."""
    told = "; ".join(f"line {fault.line}: {fault.message}" for fault in faults[:FAULTS_SHOWN])
    more = len(faults) - FAULTS_SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    hopeless = len(faults) >= rows
    found = "no usable row" if hopeless else "faults"
    count = f"{len(faults)} of {rows} rows" if rows > 1 else "its one row"
    hints = dict.fromkeys(fault.hint for fault in faults[:FAULTS_SHOWN] if fault.hint)
    look = "" if hopeless and hints else f"`advisor data check {path}` lists every faulty row."
    return DatasetError(
        f"{path.name} has {found} ({count}): {told}{rest}.",
        hint=" ".join([*hints, look]).strip(),
        where=f"{path}:{faults[0].line}",
    )


class Reading:
    """One pass over a source: iterate it, then ask what it learned."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.shape = source.row_shape
        self.rows = 0
        """Rows so far, usable or not."""
        self.licence = ""
        self._ignored: Counter[str] = Counter()
        self._place_of_id: dict[str, tuple[int, int]] = {}
        """Row ordinal and line; an array on one line gives every row the same line."""

    def __iter__(self) -> Iterator[Sample | Fault]:
        """Turn raw rows into samples; what cannot be used comes as a fault."""
        for item in self.source.layout.rows(self.source.path):
            self.rows += 1
            if isinstance(item, Fault):
                yield item
                continue
            try:
                yield self._sample(item)
            except RowError as error:
                yield Fault(code=error.code, line=item.line, message=error.message, hint=error.hint)

    def _sample(self, row: Row) -> Sample:
        missing = self.shape.missing(row.fields)
        if missing:
            raise _missing_fields(missing, row, self.shape)
        self._ignored.update(row.fields.keys() - self.shape.known())
        turns = self.shape.read(row.fields, self.shape)
        split = _split_of(row.fields.get("split"))
        return Sample(
            id=self._id_of(row),
            input=turns.input,
            target=turns.target,
            rejected=turns.rejected,
            history=turns.history,
            split=split,
            line=row.line,
        )

    def _id_of(self, row: Row) -> str:
        value = row.fields.get("id")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        name = text_of("id", value).strip() if value is not None else ""
        name = name or f"row-{self.rows}"
        ordinal, line = self._place_of_id.setdefault(name, (self.rows, row.line))
        if ordinal != self.rows:
            which = f" (row {ordinal})" if line == row.line else ""
            raise RowError(
                "duplicate_id",
                f"the id {shown(name)} stands already on line {line}{which}",
                "Give every row its own id, or leave the column out.",
            )
        return name

    @property
    def notes(self) -> tuple[str, ...]:
        """Fields that were not used, with a guess where one looks misspelt."""
        known = self.shape.known()
        return tuple(
            f"The field {shown(name)} is not used (in {count} of {self.rows} rows)."
            f"{did_you_mean(name, known)}"
            for name, count in sorted(self._ignored.items())
        )


def _missing_fields(missing: tuple[str, ...], row: Row, shape: Shape) -> RowError:
    found = sorted(row.fields)
    names = ", ".join(map(shown, found)) or "none"
    wanted = [name for group in missing for name in group.split("|")]
    strange = [name for name in found if name not in shape.known()]
    guesses = "".join(guess(name, wanted) for name in strange)
    return RowError(
        "missing_field",
        f"no field {', '.join(map(repr, missing))}, found {names}{guesses}",
        f"Each row needs {shape.text()}, as most rows of this file have.",
    )


def _split_of(value: object) -> Split | None:
    if value is None or value == "":
        return None
    name = text_of("split", value).strip().lower()
    if name not in SPLITS:
        message = f"unknown split {shown(name)}{guess(name, SPLITS)}"
        raise RowError("unknown_split", message, f"Accepted: {', '.join(SPLITS)}.")
    return SPLITS[name]
