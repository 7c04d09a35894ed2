"""Mends one row by itself: its texts, roles, split and id; all other fields stay as they are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from advisor.data_check.mend_text import mended

TURN_TEXTS = ("content", "value", "text", "human", "assistant")
SPEAKERS = ("role", "from")
CLOSE_ENOUGH = 0.7
"""How much of a misspelt role or split must be right, as difflib counts it."""
Fields = dict[str, Any]
Mask = Callable[[str], tuple[str, tuple[str, ...]]]
"""A text to the text with secrets or personal data covered, and the codes of what was covered."""


@dataclass(frozen=True, slots=True)
class Names:
    """Which fields of a row serve as what, lower-case and trimmed."""

    texts: frozenset[str]
    """Fields with texts or lists of turns that are learnt from."""
    split: str = "split"
    ids: tuple[str, ...] = ("id",)


@dataclass(frozen=True, slots=True)
class Words:
    """Which words a role or a split may be, each with what it is best written as."""

    roles: Mapping[str, str]
    splits: Mapping[str, str]


@dataclass(slots=True)
class MendedRow:
    """A row after mending, and what was done."""

    fields: Fields
    codes: tuple[str, ...]
    """What was mended; empty for a row that was right."""
    changed: tuple[str, ...]
    """Names of the fields that are new."""


class RowMender:
    """Mends rows one after another; remembers the ids it has seen."""

    def __init__(
        self,
        names: Names,
        words: Words,
        *,
        keep: frozenset[str] = frozenset(),
        numbers_as_text: bool = True,
        mask: Mask | None = None,
        seen: Callable[[str], bool],
    ) -> None:
        """`seen` tells whether an id has been asked about before, and remembers it."""
        self._names = names
        self._words = words
        self._keep = keep
        self._numbers_as_text = numbers_as_text
        self._mask = mask
        self._seen = seen
        self._found: list[str] = []

    def mend(self, fields: Mapping[str, Any]) -> MendedRow:
        """The row with whatever can safely be mended in it."""
        self._found = []
        new = {name: self._field(name.strip().lower(), value) for name, value in fields.items()}
        changed = tuple(name for name in new if new[name] is not fields[name])
        return MendedRow(new, tuple(dict.fromkeys(self._found)), changed)

    def _field(self, name: str, value: Any) -> Any:
        if name == self._names.split and isinstance(value, str):
            is_read = value.strip().lower() in self._words.splits
            return value if is_read else self._word(value, self._words.splits, "unknown_split")
        if name in self._names.ids:
            return self._id(value)
        if name not in self._names.texts:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value)
        return self._value(value)

    def _number(self, value: float) -> object:
        if not self._numbers_as_text or "not_text" in self._keep:
            return value
        self._found.append("not_text")
        return str(value)

    def _value(self, value: Any) -> Any:
        """A text, or a list of turns, pairs or parts."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return _same_or_new(value, [self._item(item) for item in value])
        return value

    def _item(self, item: Any) -> Any:
        if not isinstance(item, dict):
            return self._value(item)
        new = {key: self._part(key, value) for key, value in item.items()}
        return item if all(new[key] is item[key] for key in item) else new

    def _part(self, key: str, value: Any) -> Any:
        if key in SPEAKERS and isinstance(value, str):
            return self._role(key, value)
        return self._value(value) if key in TURN_TEXTS else value

    def _role(self, key: str, said: str) -> str:
        """What the reader knows stays as it is, unless chat templates would stumble over it."""
        word = self._word(said, self._words.roles, "unknown_role")
        best = self._words.roles.get(word, word) if key == "role" else word
        if best != word and "unknown_role" not in self._keep:
            self._found.append("unknown_role")
            return best
        return word

    def _word(self, said: str, known: Iterable[str], code: str) -> str:
        """The word itself, or the known one that it was meant to be."""
        plain = said.strip().lower()
        choices = list(known)
        if code in self._keep or not plain or said in choices:
            return said
        close = [plain] if plain in choices else difflib.get_close_matches(
            plain, choices, n=1, cutoff=CLOSE_ENOUGH
        )  # fmt: skip
        if not close:
            return said
        self._found.append(code)
        return close[0]

    def _text(self, text: str) -> str:
        clean, codes = mended(text)
        if self._keep.isdisjoint(codes):
            self._found += codes
        else:
            clean = text
        if self._mask is not None:
            clean, covered = self._mask(clean)
            self._found += covered
        return text if clean == text else clean

    def _id(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value
        name = str(value).strip()
        if not name or not self._seen(name) or "duplicate_id" in self._keep:
            return value
        self._found.append("duplicate_id")
        number = 2
        while self._seen(self._numbered(value, name, number)):
            number += 1
        new = self._numbered(value, name, number)
        return int(new) if isinstance(value, int) else new

    @staticmethod
    def _numbered(value: int | str, name: str, number: int) -> str:
        """A further id: `7-2` for a text; a number stays one, with zeros between: `7000002`."""
        return f"{name}00000{number}" if isinstance(value, int) else f"{name}-{number}"


def _same_or_new(old: list[Any], new: list[Any]) -> list[Any]:
    same = all(one is other for one, other in zip(old, new, strict=True))
    return old if same else new
