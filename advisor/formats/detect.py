"""Which row shape the first rows of a file follow, and which fields stand beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import DatasetError
from advisor.formats.columns import COLUMNS, known_columns
from advisor.formats.guesses import closest, did_you_mean
from advisor.formats.mapping import ROW_WORDS
from advisor.formats.rows import Row
from advisor.formats.shapes import SHAPES, Shape, accepted_shapes, known_fields
from advisor.formats.values import shown

FIELDS_SHOWN = 8
TOLD = {
    "group": "Rows with the same {field} are kept together when the data is split.",
    "document": "{field} is taken for the document a row was made from; it is never parted by a"
    " split.",
    "time": "{field} is taken for the time at which a row arose.",
    "synthetic_by": "{field} is taken for the model that wrote the row; such rows are not tested"
    " on.",
}
"""Columns that change what is done with a row, told where they go by another name."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The row shape of a file, bound to the file's own fields."""

    shape: Shape
    columns: Mapping[str, str]
    """Which field serves as id, split, group and so on."""
    mapping: Mapping[str, str]
    """The same for everything that is read."""
    notes: tuple[str, ...]


def detect_shape(rows: Sequence[Row], mapping: Mapping[str, str], *, path: Path) -> Recognised:
    """The shape most of these rows follow; raises DatasetError with what was found."""
    present = _present(rows)
    _check_mapped(mapping, present, path)
    shapes = _candidates(mapping)
    found: Counter[int] = Counter()
    for row in rows:
        place = next((n for n, shape in enumerate(shapes) if shape.fits(row.fields)), None)
        if place is not None:
            found[place] += 1
    if not found:
        own = {word: name for word, name in mapping.items() if word in ROW_WORDS}
        raise _unserved(rows, own, path) if rows and own else _unknown_fields(rows, path)
    best, count = found.most_common(1)[0]
    example = next(row.fields for row in rows if shapes[best].fits(row.fields))
    shape = shapes[best].narrowed(example)
    parts = shape.mapping(example)
    columns = _columns(mapping, present, used={*parts.values(), *shape.optional})
    others = [s for n, s in enumerate(shapes) if n != best and s.fits(example)]
    share = f"{count} of {len(rows)} rows looked at"
    return Recognised(
        shape=shape,
        columns=columns,
        mapping={**parts, **columns},
        notes=(
            *_ambiguity(shape, others, example, share, said=bool(mapping)),
            *_told(columns, mapping),
        ),
    )


def _present(rows: Sequence[Row]) -> dict[str, None]:
    return {name: None for row in rows for name in row.fields}


def _candidates(mapping: Mapping[str, str]) -> list[Shape]:
    """All shapes, or those that have the parts the user named, with the user's fields in them."""
    own = {word: name for word, name in mapping.items() if word in ROW_WORDS}
    return [bound for shape in SHAPES if (bound := shape.bound(own))]


def _check_mapped(mapping: Mapping[str, str], present: Mapping[str, None], path: Path) -> None:
    for word, name in mapping.items():
        if present and name not in present:
            near = closest(name, present)
            raise DatasetError(
                f"--map {word}={name}: no row looked at in {path.name} has the field"
                f" {shown(name)}.{f' Did you mean {shown(near)}?' if near else ''}",
                hint=f"Fields found: {_listed(list(present))}.",
                where=str(path),
            )


def _columns(
    mapping: Mapping[str, str], present: Mapping[str, None], *, used: set[str]
) -> dict[str, str]:
    taken = used | set(mapping.values())
    columns: dict[str, str] = {}
    for word, names in COLUMNS.items():
        name = mapping.get(word) or next((n for n in names if n in present and n not in taken), "")
        if name:
            columns[word] = name
    return columns


def _ambiguity(
    shape: Shape, others: Sequence[Shape], fields: Mapping[str, object], share: str, *, said: bool
) -> tuple[str, ...]:
    """A note when another shape fits that reads fields this one leaves out."""
    known = shape.known()
    for other in others:
        parts = other.mapping(fields)
        if said or known.issuperset(parts.values()):
            continue
        wanted = ",".join(f"{word}={name}" for word, name in parts.items())
        return (f"Read as {shape.name} ({share}); {other.name} fits too: --map {wanted}.",)
    return ()


def _told(columns: Mapping[str, str], mapping: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        TOLD[word].format(field=f"'{name}'")
        for word, name in columns.items()
        if word in TOLD and word not in mapping and name != word
    )


def _unknown_fields(rows: Sequence[Row], path: Path) -> DatasetError:
    if not rows:
        return DatasetError(f"{path.name} has no rows.", hint=accepted_shapes(), where=str(path))
    names = sorted(rows[0].fields)
    wanted = known_fields()
    guesses = "".join(did_you_mean(name, wanted) for name in names)
    asked, answered = plausible_pair([row.fields for row in rows])
    pair = f"input={asked},target={answered}"
    return DatasetError(
        f"The fields of {path.name} are not known: {_listed(names)}.{guesses}",
        hint=f"Say which is which, for example --map {pair}. {accepted_shapes()}",
        where=f"{path}:{rows[0].line}",
    )


def plausible_pair(rows: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    """The fields that may be input and target by what they hold; `FIELD` where none may.

    A target is the shortest field with few different texts, its input the longest of the others;
    where there is no such field, the two longest in the order of the file.
    """
    texts: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and value.strip():
                texts.setdefault(name, []).append(value)
    length = {name: sum(map(len, held)) / len(held) for name, held in texts.items()}
    ranked = sorted((n for n in length if n not in known_columns()), key=lambda n: -length[n])
    few = [n for n in ranked[1:] if 1 < len(set(texts[n])) <= len(texts[n]) / 2]
    pair = [ranked[0], few[-1]] if few else sorted(ranked[:2], key=list(texts).index)
    asked, answered = [*pair, "FIELD", "FIELD"][:2]
    return asked, answered


def _unserved(rows: Sequence[Row], own: Mapping[str, str], path: Path) -> DatasetError:
    """The error when the user's words do not make a row shape."""
    fields = rows[0].fields
    lacks = [
        [
            words[0]
            for words, group in zip(shape.words, shape.keys, strict=True)
            if not any(name in fields for name in group)
        ]
        for shape in _candidates(own)
    ]
    given = ",".join(f"{word}={name}" for word, name in own.items())
    found = f"Fields found: {_listed(list(fields))}."
    needed = min(filter(None, lacks), key=len, default=None)
    if needed is None:
        return DatasetError(
            f"--map {given}: no kind of row has {' and '.join(own)} together.",
            hint=f"Name input and target, or text and label, or messages. {found}",
            where=str(path),
        )
    also = ",".join(f"{word}=FIELD" for word in needed)
    return DatasetError(
        f"--map {given} says nothing of {' and '.join(needed)}, and no field of {path.name} is"
        " called so.",
        hint=f"Add it: --map {given},{also}. {found}",
        where=str(path),
    )


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(map(shown, names[:FIELDS_SHOWN])) or "none"
    more = len(names) - FIELDS_SHOWN
    return f"{listed} and {more} more" if more > 0 else listed
