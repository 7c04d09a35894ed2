"""The first pass over a data file: each row mended by itself into a file between."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from advisor.data_check.mend_label import named
from advisor.data_check.mend_read import Raw, raw_rows
from advisor.data_check.mend_row import Fields, Mask, MendedRow, Names, RowMender, Words
from advisor.data_check.mend_write import Target, rows_writer
from advisor.formats.columns import COLUMNS, SPLITS
from advisor.formats.ids import Seen
from advisor.formats.layout import Layout
from advisor.formats.source import Part, Source
from advisor.formats.turns import ROLES
from advisor.secrets import masked

NOT_TEXTS = frozenset(COLUMNS) - {"system"}
"""Words of a mapping that name fields beside the texts."""
LABELLED = ("text_label", "query_label")
"""Shapes whose targets may be numbers as they are."""
WRITTEN_TWICE = ("function_call", "tool_call")
"""Roles that say more than who speaks, and so stay."""

ENDS = {
    "json": ("broken_json", "broken_file", "too_long"),
    "csv": ("broken_table", "broken_file"),
    "tsv": ("broken_table", "broken_file"),
    "jsonl": ("broken_file",),
    "parquet": ("broken_file",),
    "arrow": ("broken_file",),
}
"""Faults behind which nothing of a file is read."""
COVERS: dict[str, Callable[[str], str]] = {
    "secrets": masked,
    "personal_data": lambda text: masked(text, "personal_data"),
}
"""What can be covered in a text, and how."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants done differently from what is safe."""

    mapping: dict[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    """Codes of rows to leave out although a person could decide."""
    keep: frozenset[str] = frozenset()
    """Codes to leave as they are."""
    mask: frozenset[str] = frozenset()
    """`secrets`, `personal_data`: covered in the texts."""
    seed: int = 0


class Event(NamedTuple):
    """What was done to a row by itself, or why it cannot be read."""

    ordinal: int
    """Rows of the original before it."""
    place: int
    line: int
    codes: list[str]
    fields: list[str]
    """Changed ones."""
    digest: str
    is_readable: bool


@dataclass(slots=True)
class Between:
    """The file between: its rows, where they came from, and what was done to them."""

    path: Path
    events: Path
    """What was done, beside it."""
    lines: array[int] = field(default_factory=lambda: array("Q"))
    parts: array[int] = field(default_factory=lambda: array("H"))
    ordinals: array[int] = field(default_factory=lambda: array("Q"))
    """Rows of the original before each row, readable or not."""
    was_given: bytearray = field(default_factory=bytearray)
    """Whether each row was given the split of its file."""
    rows: int = 0
    """Of the original, readable or not."""
    unread: list[str] = field(default_factory=list)
    """Where reading had to stop before the end of a file, in words."""

    def note(self, raw: Raw, place: int) -> None:
        """One more row in it, the one just read."""
        self.lines.append(raw.line)
        self.parts.append(place)
        self.ordinals.append(self.rows)

    def told(self) -> Iterator[Event]:
        """The events in the order of the original."""
        with self.events.open(encoding="utf-8") as lines:
            for line in lines:
                yield Event(*json.loads(line))


def mend_rows(source: Source, between: Between, wishes: Wishes) -> None:
    """First pass: each row by itself; rows that cannot be read are only noted."""
    mender = RowMender(
        names_of(source),
        Words(_roles(), {name: name for name in SPLITS}),
        keep=wishes.keep,
        numbers_as_text=numbers_as_text(source),
        mask=_mask(wishes.mask),
        seen=_seen(),
    )
    splits = [part.split if len(source.parts) > 1 else None for part in source.parts]
    column = source.columns.get("split", "split")
    with (
        rows_writer(between.path, Target("jsonl")) as add,
        rows_writer(between.events, Target("jsonl")) as tell,
    ):
        for place, part in enumerate(source.parts):
            for raw in raw_rows(part.path, part.layout):
                row = None if raw.fields is None else mender.mend(raw.fields)
                if event := _event(raw, row, between.rows, place):
                    tell(json.dumps(event))
                if row is not None:
                    between.note(raw, place)
                    between.was_given.append(_give(row.fields, column, splits[place]))
                    as_written = raw.text and not row.changed and not between.was_given[-1]
                    add(raw.text if as_written else json_line(row.fields))
                elif raw.code in ENDS.get(part.layout.container, ()):
                    between.unread.append(_unread(part, raw.line))
                between.rows += 1


def _unread(part: Part, line: int) -> str:
    return (
        f"{part.name or part.path.name} cannot be read beyond {part.layout.numbered} {line}:"
        " what follows is not in the copy."
    )


def json_line(value: object) -> str:
    """A value as one line of JSON, dates and the like as text; halves of letters stay escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, default=str)
    return text


def row_digest(fields: Fields) -> str:
    """What `advisor.artifacts.digest_of` gives, also for a row with halves of letters in it."""
    text = json.dumps(
        fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _give(fields: Fields, column: str, split: str | None) -> bool:
    """Put the split that only the name of the row's file says into the row; whether that was so."""
    name = named(fields, column)
    if split is None or fields.get(name):
        return False
    fields[name] = split
    return True


def _event(raw: Raw, row: MendedRow | None, ordinal: int, place: int) -> Event | None:
    """What there is to tell of a row by itself; None for one that is right."""
    if row is None or raw.fields is None:
        return Event(ordinal, place, raw.line, [raw.code], [], raw.digest, is_readable=False)
    codes = [*([raw.code] if raw.code else []), *row.codes]
    if not codes:
        return None
    changed = list(row.changed or raw.fields)
    return Event(ordinal, place, raw.line, codes, changed, row_digest(raw.fields), is_readable=True)


def names_of(source: Source) -> Names:
    """Which fields hold texts, the split and the id."""
    texts = {name for word, name in source.mapping.items() if word not in NOT_TEXTS}
    return Names(
        texts=frozenset(texts | set(source.row_shape.optional)),
        split=source.columns.get("split", ""),
        ids=tuple(filter(None, (source.columns.get("id"),))),
    )


def numbers_as_text(source: Source) -> bool:
    """Whether a number where a text belongs is a slip."""
    return source.shape not in LABELLED


def _roles() -> dict[str, str]:
    """Every role that is read, and the one that chat templates know for it."""
    return {said: said if said in WRITTEN_TWICE else role for said, role in ROLES.items()}


def _seen() -> Callable[[str], bool]:
    ids, asked = Seen(), count(1)
    return lambda name: ids.add(name, next(asked)) is not None


def _mask(wanted: frozenset[str]) -> Mask | None:
    covers = {code: cover for code, cover in COVERS.items() if code in wanted}

    def mask(text: str) -> tuple[str, tuple[str, ...]]:
        codes = []
        for code, cover in covers.items():
            covered = cover(text)
            if covered != text:
                codes.append(code)
            text = covered
        return text, tuple(codes)

    return mask if covers else None


def between_source(source: Source, path: Path) -> Source:
    """The file between, read as the original is; rows of a folder name the split of their file."""
    columns = dict(source.columns)
    if any(part.split for part in source.parts):
        columns.setdefault("split", "split")
    split = source.parts[0].split if len(source.parts) == 1 else None
    part = Part(path, Layout("jsonl"), split=split)
    return replace(source, path=path, files=(path,), parts=(part,), columns=columns)
