"""One pass over a source: raw rows become samples, and what cannot be used becomes a fault."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from advisor.formats.columns import (
    OUR_OWN,
    author_of,
    known_columns,
    name_of,
    split_of,
    system_turn,
    time_of,
    tools_of,
    truth_of,
)
from advisor.formats.empty_answers import ANSWERABLE, with_no_answer
from advisor.formats.guesses import closest, guess
from advisor.formats.ids import Ids, place_of
from advisor.formats.rows import Row
from advisor.formats.shapes import Shape
from advisor.formats.source import Part, Source
from advisor.formats.turns import Turns
from advisor.formats.values import Fields, RowError, reach, shown, text_of
from advisor.schema.dataset import Fault
from advisor.schema.evaluation import Sample

READERS: dict[str, Callable[[object], object]] = {
    "group": name_of,
    "document": name_of,
    "synthetic_by": author_of,
    "tools": tools_of,
}
LICENCES_COUNTED = 100
LICENCE_ROWS = 10_000


class Reading:
    """Iterate it once; `rows`, `notes` and `licence` then tell about the whole."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows = 0
        """Rows so far, usable or not."""
        self._shape = source.row_shape
        self._columns = dict(source.columns)
        self._nested = tuple(name for name in source.mapping.values() if "." in name)
        apart = ("id", "licence")
        self._beside = [item for item in self._columns.items() if item[0] not in apart]
        self._licence_column = self._columns.get("licence", "")
        self._id_column = self._columns.get("id", "id")
        self._of_part: dict[str, Any] = {}
        self._first_of_part = 1
        self._part = source.parts[0]
        self._layouts: Counter[tuple[str, ...]] = Counter()
        self._ids = Ids(source.numbered)
        self._licences: Counter[str] = Counter()
        self.licence_rows: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        """File and line of the first rows under each licence; the empty text for none."""
        self._numbers = 0
        self._timeless = 0

    def __iter__(self) -> Iterator[Sample | Fault]:
        """Samples and faults in file order."""
        for part in self.source.parts:
            self._part, self._first_of_part = part, self.rows + 1
            self._of_part = {"file": part.name} if part.name else {}
            if part.split:
                self._of_part["split"] = part.split
            yield from self._items(part)

    def _items(self, part: Part) -> Iterator[Sample | Fault]:
        sample = self._sample
        for item in part.layout.rows(part.path):
            self.rows += 1
            if isinstance(item, Row):
                try:
                    yield sample(item)
                except RowError as error:
                    yield self._fault(item.line, error)
            elif part.name:
                yield item.model_copy(update={"file": part.name})
            else:
                yield item

    def _fault(self, line: int, error: RowError) -> Fault:
        return Fault(
            code=error.code,
            line=line,
            message=error.message,
            hint=error.hint,
            file=self._part.name,
        )

    def _sample(self, row: Row) -> Sample:
        line, fields = row
        for path in self._nested:
            fields = {path: reach(fields, path), **fields}
        self._layouts[tuple(fields)] += 1
        try:
            turns = self._shape.turns(fields)
        except RowError as error:
            return self._unanswered(line, fields, error)
        asked, target, history, *rest, is_number = turns
        known: dict[str, Any] = {
            "id": self._id_of(fields, line),
            "input": asked,
            "target": target,
            "line": line,
        }
        if history:
            known["history"] = history
        if is_number:
            self._numbers += 1
        if rest != NOTHING_MORE:
            known.update(_more(turns))
        if self._of_part:
            known.update(self._of_part)
        for word, name in self._beside:
            if (value := fields.get(name)) is not None:
                self._add(known, word, value)
        if self._licence_column:
            known["licence"] = self._licence_of(fields, line)
        return _made(known)

    def _unanswered(self, line: int, fields: Fields, error: RowError) -> Sample:
        """The sample of a row whose answer is that there is none; raises the error of others."""
        filled = with_no_answer(self._shape, self._columns, fields)
        if filled is None:
            raise self._explained(error, fields) from None
        self._layouts[tuple(fields)] -= 1
        sample = self._sample(Row(line, filled))
        return sample.model_copy(update={"is_answerable": False})

    def _explained(self, error: RowError, fields: Fields) -> RowError:
        """The same error; where a field is missing, with what the row has instead."""
        missing = self._shape.missing(fields)
        return _missing_fields(missing, fields, self._shape) if missing else error

    def _add(self, known: dict[str, Any], word: str, value: object) -> None:
        """Put what stands beside the row to the fields of `Sample` that are known."""
        if word == "system":
            known["history"] = (*system_turn("system", value), *known.get("history", ()))
        elif word == "split":
            if (split := split_of(value)) is not None:
                known["split"] = split
        elif word == "time":
            moment = time_of(value)
            self._timeless += moment is None
            known["time"] = moment or ""
        elif word in ANSWERABLE:
            if (told := truth_of(value)) is not None:
                known["is_answerable"] = told is (word == ANSWERABLE[0])
        else:
            known[word] = READERS[word](value)

    def _licence_of(self, fields: Fields, line: int) -> str:
        """What the row names, counted."""
        told = name_of(fields.get(self._licence_column))
        if told not in self._licences and len(self._licences) >= LICENCES_COUNTED:
            return told
        self._licences[told] += 1
        if len(rows := self.licence_rows[told]) < LICENCE_ROWS:
            rows.append((self._part.name, line))
        return told

    def _id_of(self, fields: Fields, line: int) -> str:
        value = fields.get(self._id_column)
        if value is None:
            return self._ids.generated(self.rows)
        if type(value) is int:
            value = str(value)
        name = text_of(self._id_column, value).strip()
        if not name:
            return self._ids.generated(self.rows)
        place = place_of(self.rows, line)
        return self._ids.own(name, place, first=self._first_of_part, file=self._part.name)

    @property
    def licence(self) -> str:
        """What the licence fields say, where all that say something agree."""
        told = [name for name in self._licences if name]
        return told[0] if len(told) == 1 else ""

    @property
    def licences(self) -> dict[str, int]:
        """Usable rows by their licence, under the empty text those that name none."""
        return dict(self._licences) if any(self._licences) else {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Fields that were not used, and what was made of values that are no plain text."""
        return (*self._unused(), *self._remarks())

    def _unused(self) -> tuple[str, ...]:
        ignored: Counter[str] = Counter()
        roots = {path.partition(".")[0] for path in self._nested}
        used = self._shape.known() | set(self._columns.values()) | roots
        for names, count in self._layouts.items():
            ignored.update(dict.fromkeys(set(names) - used - set(self._nested), count))
        known = used | known_columns()
        return tuple(
            f"The field {shown(name)} is not used (in {count} of {self.rows} rows)"
            f"{_perhaps(name, known)}"
            for name, count in sorted(ignored.items())
            if name not in OUR_OWN
        )

    def _remarks(self) -> Iterator[str]:
        if self._numbers:
            share = f"{self._numbers} of {self.rows} rows"
            yield f"Targets that are numbers are read as text ({share})."
        if self._timeless:
            name = self._columns["time"]
            yield f"'{name}' is no ISO date in {self._timeless} rows; they count as undated."
        if len(told := [(name, n) for name, n in self._licences.most_common() if name]) > 1:
            named = ", ".join(f"{name} ({n})" for name, n in told[:5])
            yield f"The rows have several licences: {named}."
        if self._ids.told_apart:
            yield (
                f"Ids that stand in several files got the file's name before them"
                f" ({self._ids.told_apart})."
            )


BLANK: dict[str, Any] = {
    name: None if field.is_required() else field.get_default(call_default_factory=True)
    for name, field in Sample.model_fields.items()
}
SET = object.__setattr__
NOTHING_MORE = [(), None, None, None]
"""Steps, rejected, is_good and tools of a plain row."""


def _perhaps(name: str, known: Iterable[str]) -> str:
    near = closest(name, known)
    return f"; did you mean '{near}'?" if near else "."


def _more(turns: Turns) -> Iterator[tuple[str, Any]]:
    """Those of a row's rarer parts that it has, by field of `Sample`."""
    if turns.steps:
        yield "steps", turns.steps
    if turns.rejected is not None:
        yield "rejected", turns.rejected
    if turns.is_good is not None:
        yield "is_good", turns.is_good
    if turns.tools:
        yield "tools", tools_of(turns.tools)


def _made(known: dict[str, Any]) -> Sample:
    """The sample of values that were checked one by one, as `model_construct` would make it.

    That takes six times as long, and checking them again twice as long.
    """
    sample = Sample.__new__(Sample)
    SET(sample, "__dict__", {**BLANK, **known})
    SET(sample, "__pydantic_fields_set__", set(known))
    SET(sample, "__pydantic_extra__", None)
    SET(sample, "__pydantic_private__", None)
    return sample


def _missing_fields(missing: tuple[str, ...], fields: Fields, shape: Shape) -> RowError:
    found = sorted(fields)
    names = ", ".join(map(shown, found)) or "none"
    wanted = [name for group in missing for name in group.split("|")]
    strange = [name for name in found if name not in shape.known()]
    guesses = "".join(guess(name, wanted) for name in strange)
    return RowError(
        "missing_field",
        f"no field {', '.join(map(repr, missing))}, found {names}{guesses}",
        f"Each row needs {shape.text()}, as most rows of this file have.",
    )
