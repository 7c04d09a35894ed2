"""Rows whose right answer is that there is none: they say so, or list no answer at all."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.formats.columns import NO_ANSWER, truth_of
from advisor.formats.shapes import Shape
from advisor.formats.values import Fields, reach

ANSWERABLE = ("answerable", "unanswerable")
"""Columns that say whether there is an answer; the second says it the other way round."""


def with_no_answer(
    shape: Shape, columns: Mapping[str, str], fields: Fields
) -> dict[str, object] | None:
    """The row with `NO_ANSWER` in the place of its target.

    None for a row that has a target or does not say that it has none.
    """
    name = _target_of(shape, fields)
    if not name or not _is_blank(fields.get(name)):
        return None
    if not (_lists_none(fields, name) or _says_none(columns, fields)):
        return None
    return {**fields, name: NO_ANSWER}


def _target_of(shape: Shape, fields: Fields) -> str:
    """The row's field that serves as target; of several the one that is read."""
    for words, group in zip(shape.words, shape.keys, strict=True):
        if "target" in words:
            return next((name for name in group if name in fields), "")
    return ""


def _is_blank(value: object) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())


def _lists_none(fields: Fields, name: str) -> bool:
    """Whether the target is an empty list, or a place in one (`answers.text.0`)."""
    if fields.get(name) == []:
        return True
    parent, _, place = name.rpartition(".")
    return bool(parent) and place.isdigit() and reach(fields, parent) == []


def _says_none(columns: Mapping[str, str], fields: Fields) -> bool:
    told = [(word, truth_of(fields.get(columns.get(word, "")))) for word in ANSWERABLE]
    return any(truth is (word != ANSWERABLE[0]) for word, truth in told if truth is not None)
