"""Recognises a data file or folder, streams it, or reads it whole as a `Dataset`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from advisor.errors import DatasetError
from advisor.formats.detect import Recognised, detect_shape
from advisor.formats.folder import Member, members
from advisor.formats.layout import Layout, detect_layout, is_empty
from advisor.formats.mapping import parse_mapping
from advisor.formats.opening import missing
from advisor.formats.reading import Reading
from advisor.formats.rows import Row
from advisor.formats.source import Part, Source
from advisor.formats.values import reach
from advisor.schema.dataset import Dataset, Fault
from advisor.schema.evaluation import Sample

__all__ = [
    "Reading",
    "Source",
    "digest_of_source",
    "parse_mapping",
    "read_dataset",
    "recognise",
    "refusal",
    "stream",
]

NO_MAPPING: Mapping[str, str] = MappingProxyType({})
SHAPE_ROWS = 50
"""Rows looked at to recognise the shape, so that one odd first row does not decide."""
MENDED = ("not_text", "not_utf8", "unknown_role", "unknown_split", "duplicate_id")
"""Faults that `advisor data fix` mends rather than leaving the row out."""
FAULTS_SHOWN = 5
NAMES_SHOWN = 5


def recognise(path: Path, *, mapping: Mapping[str, str] = NO_MAPPING) -> Source:
    """What the file or folder is, found by its first rows; `mapping` overrides what is guessed.

    `mapping` leads from the words of `parse_mapping` to the file's fields. Raises DatasetError
    when the path cannot be read or its rows follow no known shape, and MissingExtraError for
    Parquet and Arrow without the extra `data`.
    """
    try:
        is_folder = path.is_dir()
    except OSError:
        is_folder = False
    if is_folder:
        return _folder(path, mapping)
    part = Part(path, detect_layout(path))
    found = detect_shape(_first_rows(part, mapping), mapping, path=path)
    return _source(path, [part], found, ())


def stream(source: Source) -> Reading:
    """The samples and faults of a source in file order, never more than a few rows at a time.

    Once it has ended, `rows`, `notes` and `licence` of what comes back tell about the whole.
    """
    return Reading(source)


def read_dataset(
    path: Path, *, keep_faulty: bool = False, mapping: Mapping[str, str] = NO_MAPPING
) -> Dataset:
    """The file's or folder's samples in file order.

    With `keep_faulty` the faulty rows come back as `Dataset.faults` instead of an error, as
    `advisor data check` wants it. Raises DatasetError naming file and line.
    """
    source = recognise(path, mapping=mapping)
    reading = stream(source)
    samples: list[Sample] = []
    faults: list[Fault] = []
    for item in reading:
        if isinstance(item, Sample):
            samples.append(item)
        else:
            faults.append(item)
    if faults and not keep_faulty:
        raise refusal(path, faults, rows=reading.rows, numbered=source.numbered)
    return Dataset(
        path=str(path),
        format=source.format,
        samples=tuple(samples),
        rows=reading.rows,
        digest=digest_of_source(source),
        notes=(*source.notes, *reading.notes),
        faults=tuple(faults),
        kind=source.kind,
        encoding=source.encoding,
        mapping=dict(source.mapping),
        licence=reading.licence,
    )


def digest_of_source(source: Source) -> str:
    """SHA-256 of the file's bytes, or of the names and digests of a folder's files; 16 digits."""
    digests = [_digest(path) for path in source.files]
    if len(digests) == 1 and not source.parts[0].name:
        return digests[0][:16]
    listed = "".join(
        f"{part.name}\0{digest}\n" for part, digest in zip(source.parts, digests, strict=True)
    )
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def refusal(
    path: Path,
    faults: Sequence[Fault],
    *,
    rows: int,
    numbered: str = "line",
    count: int | None = None,
) -> DatasetError:
    """All faults in one error: the first five, then how many more.

    `count` is how many there are, where `faults` holds only the first of them.
    """
    faulty = len(faults) if count is None else count
    told = "; ".join(
        f"{_place(fault, numbered)}: {fault.message}" for fault in faults[:FAULTS_SHOWN]
    )
    more = faulty - FAULTS_SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    hopeless = faulty >= rows
    found = "no usable row" if hopeless else "faults"
    share = f"{faulty} of {rows} rows" if rows > 1 else "its one row"
    hints = dict.fromkeys(fault.hint for fault in faults[:FAULTS_SHOWN] if fault.hint)
    mend = f"`advisor data fix {path} --out COPY`"
    if hopeless:
        can_mend = any(fault.code in MENDED for fault in faults)
        look = f"{mend} writes a mended copy." if can_mend else ""
    else:
        look = (
            f"`advisor data check {path}` lists every faulty row, {mend} mends them or leaves them"
            " out."
        )
    first = path / faults[0].file if faults[0].file else path
    return DatasetError(
        f"{path.name} has {found} ({share}): {told}{rest}.",
        hint=" ".join([*hints, look]).strip(),
        where=f"{first}:{faults[0].line}"
        if numbered == "line"
        else f"{first}, row {faults[0].line}",
    )


def _place(fault: Fault, numbered: str) -> str:
    place = f"{numbered} {fault.line}"
    return f"{fault.file}, {place}" if fault.file else place


def _first_rows(part: Part, mapping: Mapping[str, str]) -> list[Row]:
    """Enough rows to recognise the shape; raises DatasetError when every row is faulty."""
    head = _head(part.layout.rows(part.path))
    known = [item for item in head if isinstance(item, Row)]
    if not known and head:
        faults = [item for item in head if isinstance(item, Fault)]
        if faults[0].code == "broken_file":
            where = f"{part.path}:{faults[0].line}"
            message = f"{part.path.name} cannot be read: {faults[0].message}."
            raise DatasetError(message, hint=faults[0].hint, where=where)
        raise refusal(part.path, faults, rows=len(head), numbered=part.layout.numbered)
    nested = [name for name in mapping.values() if "." in name]
    for row in known:
        for name in nested:
            if (value := reach(row.fields, name)) is not None:
                row.fields.setdefault(name, value)
    return known


def _head(rows: Iterator[Row | Fault]) -> list[Row | Fault]:
    """Enough of the first rows to recognise the shape; more while all of them are faulty."""
    head = list(islice(rows, SHAPE_ROWS))
    while not any(isinstance(item, Row) for item in head):
        more = list(islice(rows, SHAPE_ROWS))
        if not more:
            break
        head += more
    return head


def _source(path: Path, parts: Sequence[Part], found: Recognised, notes: Sequence[str]) -> Source:
    layouts = [part.layout for part in parts]
    told = dict.fromkeys(layout.note for layout in layouts if layout.note)
    return Source(
        path=path,
        files=tuple(part.path for part in parts),
        container=layouts[0].name,
        shape=found.shape.name,
        kind=found.shape.kind,
        encoding=", ".join(dict.fromkeys(layout.encoding for layout in layouts)),
        mapping=found.mapping,
        notes=(*told, *notes, *found.notes),
        parts=tuple(parts),
        row_shape=found.shape,
        columns=found.columns,
    )


def _folder(path: Path, mapping: Mapping[str, str]) -> Source:
    """All data files of a folder as one source; they must be of one kind and one shape."""
    found, notes = members(path)
    if not found:
        raise missing(path)
    parts, empty = _parts(found)
    if not parts:
        raise DatasetError(
            f"Every data file of {path} is empty.", hint="Give rows.", where=str(path)
        )
    _refuse_several_kinds(path, [part.layout for part in parts])
    recognised = _one_shape(parts, mapping)
    return _source(path, parts, recognised, (*_listing(parts), *notes, *_empty_note(empty)))


def _parts(found: Sequence[Member]) -> tuple[list[Part], list[str]]:
    parts: list[Part] = []
    empty: list[str] = []
    for member in found:
        if is_empty(member.path):
            empty.append(member.name)
        else:
            layout = detect_layout(member.path)
            parts.append(Part(member.path, layout, member.name, member.split))
    return parts, empty


def _refuse_several_kinds(path: Path, layouts: Sequence[Layout]) -> None:
    kinds = Counter(layout.container for layout in layouts)
    if len(kinds) > 1:
        listed = ", ".join(f"{count} {name}" for name, count in kinds.most_common())
        raise DatasetError(
            f"The folder {path} holds data files of several kinds: {listed}.",
            hint="Give one file with --data, or a folder with files of one kind.",
            where=str(path),
        )


def _one_shape(parts: Sequence[Part], mapping: Mapping[str, str]) -> Recognised:
    """The shape of all files; raises DatasetError where one has another."""
    first: tuple[Part, Recognised] | None = None
    for part in parts:
        rows = _first_rows(part, mapping)
        if first is not None and not rows:
            continue
        found = detect_shape(rows, mapping, path=part.path)
        if first is None:
            first = (part, found)
        elif found.shape.name == first[1].shape.name:
            first = (first[0], _with_columns(first[1], found))
        else:
            raise DatasetError(
                f"{part.name} is {found.shape.name}, but {first[0].name} is"
                f" {first[1].shape.name}: a folder must hold rows of one shape.",
                hint="Give one of the files with --data.",
                where=str(part.path),
            )
    assert first is not None  # noqa: S101 - a part without rows raised
    return first[1]


def _with_columns(first: Recognised, other: Recognised) -> Recognised:
    """The first with what only a later file has beside its rows."""
    return replace(
        first,
        columns={**other.columns, **first.columns},
        mapping={**other.columns, **first.mapping},
        notes=tuple(dict.fromkeys((*first.notes, *other.notes))),
    )


def _listing(parts: Sequence[Part]) -> tuple[str, ...]:
    named = [
        f"{part.name} ({part.split})" if part.split else part.name for part in parts[:NAMES_SHOWN]
    ]
    more = len(parts) - NAMES_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    splits = any(part.split for part in parts)
    told = " Their names tell the split." if splits else ""
    count = "1 file is" if len(parts) == 1 else f"{len(parts)} files are"
    return (f"{count} read: {', '.join(named)}{rest}.{told}",)


def _empty_note(names: Sequence[str]) -> tuple[str, ...]:
    return (f"Left out, as they are empty: {', '.join(names[:NAMES_SHOWN])}.",) if names else ()
