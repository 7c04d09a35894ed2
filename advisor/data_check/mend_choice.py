"""Which rows of a file stay, seen as a whole: repeats, leaks, stand-ins, spellings of labels.

Of each row only hashes are kept, so that millions of rows fit into memory.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator

from advisor.data_check.empties import LONGEST as LONGEST_STAND_IN
from advisor.data_check.empties import SHARE_OF_A_LABEL, is_placeholder
from advisor.data_check.labels import bare
from advisor.data_check.mend_text import REPLACED
from advisor.data_check.normal import SEPARATOR, input_key, normalise
from advisor.schema.dataset import Fault, Kind
from advisor.schema.evaluation import Sample
from advisor.schema.labels import LONGEST_LABEL, MOST_LABELS, are_labels

PLACES = ("train", None, "dev", "test")
"""Splits from the one that a repeat leaves first to the one that it leaves last."""
MOST_SPELLINGS = 5 * MOST_LABELS
LONG_ONES = 20
"""So many long targets among labels may be slips; more, and targets are free text."""
_UNUSABLE = 255


class Dropped:
    """Which rows are left out and why, in a byte for each row."""

    def __init__(self) -> None:
        self._numbers = bytearray()
        self._codes: dict[str, int] = {}

    def __contains__(self, number: int) -> bool:
        return number < len(self._numbers) and self._numbers[number] > 0

    def __setitem__(self, number: int, code: str) -> None:
        self._numbers.extend(bytes(max(0, number + 1 - len(self._numbers))))
        self._numbers[number] = self._codes.setdefault(code, len(self._codes) + 1)

    def get(self, number: int) -> str:
        """The code under which the row is left out; empty for one that stays."""
        return ["", *self._codes][self._numbers[number]] if number in self else ""


class Choice:
    """What becomes of each row: `dropped` and `respelt` by its number, counted from 0."""

    def __init__(self, kind: Kind, *, keep: frozenset[str] = frozenset()) -> None:
        self.dropped = Dropped()
        self.to_train: set[int] = set()
        """Test rows that a model wrote."""
        self.respelt: dict[int, str] = {}
        """The label as most rows spell it."""
        self._kind = kind
        self._keep = keep
        self._keys = array("Q")
        self._wholes = array("Q")
        self._places = array("B")
        self._stand_ins: list[int] = []
        self._spellings: dict[str, int] | None = {} if kind == "answers" else None
        """Each spelling of a label by its number; None once targets turn out to be free text."""
        self._spelt = array("H")
        """The number of each row's spelling, 0 for none."""
        self._long = 0

    def take(self, number: int, item: Sample | Fault) -> None:
        """Note the next row, usable or not; numbers may skip rows that are already gone."""
        while len(self._keys) < number:
            self._note(0, 0, _UNUSABLE)
        if isinstance(item, Fault):
            self._drop(number, item.code)
            self._note(0, 0, _UNUSABLE)
            return
        target = normalise(item.target)
        place = PLACES.index(item.split)
        if item.synthetic_by and item.split == "test" and "synthetic_in_test" not in self._keep:
            self.to_train.add(number)
            place = PLACES.index("train")
        if item.rejected is not None and normalise(item.rejected) == target:
            self._drop(number, "preference_equal")
        if any(REPLACED in text for text in (item.input, item.target, item.rejected or "")):
            self._drop(number, "odd_encoding")
        if len(item.target) < LONGEST_STAND_IN and is_placeholder(target):
            self._stand_ins.append(number)
        self._note_label(number, item.target)
        asked = input_key(item) if item.input or item.history else normalise(item.target)
        whole = (asked, target, normalise(item.rejected or ""), str(item.is_good))
        gone = number in self.dropped
        self._note(_hash(asked), _hash(SEPARATOR.join(whole)), _UNUSABLE if gone else place)

    def _note(self, key: int, whole: int, place: int) -> None:
        self._keys.append(key)
        self._wholes.append(whole)
        self._places.append(place)

    def _note_label(self, number: int, target: str) -> None:
        spellings = self._spellings
        if spellings is None:
            return
        if len(target) > LONGEST_LABEL:
            self._long += 1
        else:
            self._spelt.extend([0] * (number - len(self._spelt)))
            self._spelt.append(spellings.setdefault(target, len(spellings) + 1))
        if len(spellings) > MOST_SPELLINGS or self._long > max(LONG_ONES, number / 10):
            self._spellings = None

    def finish(self) -> None:
        """Decide what only the whole file can decide; to be called once, after the last row."""
        if "duplicates" not in self._keep:
            self._drop_repeats()
        if "leakage" not in self._keep:
            self._drop_leaks()
        if "placeholder_targets" not in self._keep:
            self._drop_stand_ins()
        if "label_variants" not in self._keep:
            self._respell()
        self.to_train = {number for number in self.to_train if number not in self.dropped}

    def _drop(self, number: int, code: str) -> None:
        if code not in self._keep:
            self.dropped[number] = code

    def _rest(self) -> Iterator[int]:
        """Usable rows that have not been dropped."""
        return (
            number
            for number, place in enumerate(self._places)
            if place != _UNUSABLE and number not in self.dropped
        )

    def _drop_repeats(self) -> None:
        """Of rows that say the same one stays: the first of those in the most precious split."""
        held = -1
        for number in sorted(self._rest(), key=self._wholes.__getitem__):  # equal ones stay ordered
            if held < 0 or self._wholes[number] != self._wholes[held]:
                held = number
                continue
            places = {PLACES[self._places[held]], PLACES[self._places[number]]}
            leaves = number
            if self._places[number] > self._places[held]:
                held, leaves = number, held
            self._drop(leaves, "leakage" if places == {"train", "test"} else "duplicates")

    def _drop_leaks(self) -> None:
        test, train = PLACES.index("test"), PLACES.index("train")
        asked = {self._keys[number] for number in self._rest() if self._places[number] == test}
        for number in list(self._rest()):
            if self._places[number] == train and self._keys[number] in asked:
                self._drop(number, "leakage")

    def _drop_stand_ins(self) -> None:
        """Where they are rare or targets are free text; else they are a label of their own."""
        left = [number for number in self._stand_ins if number not in self.dropped]
        rows = sum(1 for _ in self._rest())
        if len(left) < SHARE_OF_A_LABEL * rows or self._labels() is None:
            for number in left:
                self._drop(number, "placeholder_targets")

    def _labels(self) -> dict[str, Counter[str]] | None:
        """How often each label is spelt in which way; None where targets are free text."""
        if self._spellings is None:
            return None
        labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for _, spelling in self._spelt_rest():
            labels[bare(spelling)][spelling] += 1
        counts = {label: spellings.total() for label, spellings in labels.items()}
        return dict(labels) if are_labels(counts) else None

    def _spelt_rest(self) -> Iterator[tuple[int, str]]:
        """Rows that stay, with their label as it is spelt."""
        named = ["", *(self._spellings or {})]
        for number in self._rest():
            place = self._spelt[number] if number < len(self._spelt) else 0
            if place:
                yield number, named[place]

    def _respell(self) -> None:
        """Spell each label as most of its rows do."""
        labels = self._labels() or {}
        best = {plain: _commonest(spelt) for plain, spelt in labels.items() if len(spelt) > 1}
        for number, spelling in self._spelt_rest() if best else ():
            if (wanted := best.get(bare(spelling), spelling)) != spelling:
                self.respelt[number] = wanted


def _commonest(spelt: Counter[str]) -> str:
    """The spelling of most rows; of several the first in order of letters."""
    return min(spelt, key=lambda spelling: (-spelt[spelling], spelling))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())
