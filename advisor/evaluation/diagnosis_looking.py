"""Whether a fact stands in texts: each is read once, and each fact is looked up once."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, log

from advisor.evaluation.diagnosis_words import SHORT, content, figures, pieces, words

ENOUGH = 0.8
"""Share of the content words of a long answer that must stand close together."""
WINDOW = 60
"""Words before and behind a place among which they must: about the length of a passage."""
TOPIC = 0.3
"""Share of the weight of the question's words that must be around a fact which may stand in other
contexts too. Rare words weigh more; what stands elsewhere in the text counts half. Chosen, like the
next, on two articles of SQuAD 2.0; tests/evaluation/test_diagnosis_squad.py asks three others."""
STRANGE = 0.34
"""Share of the words of a long fact that stand in no text, if it is in none in other words."""
TOPIC_SHOWN = 0.25
"""The same for a passage that was shown: it was found for the question."""
NAMED = 0.5
"""Share of the weight of the question's names that a document must hold to be on the same thing."""
SCARCE = 2
"""Places in all texts up to which a fact stands for itself."""
MOST_PLACES = 2_000
"""Places of a word that are looked at; a fact of a more ordinary word is looked for by those of
its question."""
TOPICS = 3
"""Words of a question, the rarest, by which such a fact is looked for."""
SHORTEST = 4
"""Letters from which a single word may stand for itself."""
NAME = re.compile(r"(?<=[^\W_])[^\w.!?]+([^\W\d_a-zß-ÿ]\w*)")
"""A word in capitals that does not begin a sentence."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is looked for: a reference, and the question it answers."""

    core: tuple[str, ...]
    """The content words of the reference, in order; none where it has no word."""
    topic: frozenset[str] = frozenset()
    """Those of the question that the reference does not hold."""
    names: frozenset[str] = frozenset()
    """Those of the topic that are names or figures: a text without them is on something else."""

    @property
    def is_short(self) -> bool:
        """Looked for as it stands; a longer one by most of its words."""
        return len(self.core) <= SHORT


def fact_of(question: str, target: str) -> Fact:
    """The fact that a sample asks for."""
    core = tuple(content(words(target)))
    topic = frozenset(content(words(question))) - set(core)
    names = {*words(" ".join(NAME.findall(question))), *figures(list(topic))}
    return Fact(core, topic, topic & names)


@dataclass(frozen=True, slots=True)
class _Sought:
    """A fact in numbers of words."""

    core: tuple[int, ...]
    is_short: bool
    weights: Mapping[int, float]
    """What the question's words weigh; none where the fact stands for itself."""
    names: Mapping[int, float]
    """What those weigh that name what the question is on."""
    keys: tuple[int, ...]
    """Words by whose places it is looked for: the rarest."""


@dataclass(slots=True)
class Texts:
    """Texts as numbers of words, only of those words that some fact or its question holds."""

    facts: Sequence[Fact]
    _numbers: dict[str, int] = field(default_factory=dict)
    _counts: Counter[int] = field(default_factory=Counter)
    _kept: list[tuple[str, array[int], frozenset[int]]] = field(default_factory=list)
    _places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _total: int = 0

    def __post_init__(self) -> None:
        """Number the words that matter."""
        for fact in self.facts:
            for word in (*fact.core, *fact.topic):
                self._numbers.setdefault(word, len(self._numbers) + 1)

    def read(self, named: Iterable[tuple[str, str]]) -> None:
        """Take (name, text) pairs in and note where the words stand that facts are sought by."""
        for name, text in named:
            found = array("I")
            for piece in pieces(text):
                found.extend(self._numbered(words(piece)))
            self._counts.update(found)
            self._total += len(found)
            self._kept.append((name, found, frozenset((*found, *self._numbered(words(name))))))
        wanted = {number for fact in self.facts for number in self._sought(fact).keys}
        for at, (_, found, _) in enumerate(self._kept):
            for place, number in enumerate(found):
                if number in wanted:
                    self._places.setdefault(number, []).append((at, place))

    def where(self, fact: Fact, first: str = "", *, is_strict: bool = True) -> str | None:
        """Name of a text that holds the fact, `first` rather than another; None for none.

        Not strict: whatever the text is on.
        """
        sought, best = self._sought(fact), None
        for at, place in self._candidates(sought):
            name, text, whole = self._kept[at]
            if best is not None and name != first:
                continue
            is_on = not is_strict or _is_on(sought, whole)
            if is_on and _stands(sought, text, place, whole, TOPIC if is_strict else 0):
                best = name
                if name == first or not first:
                    break
        return best

    def is_strange(self, fact: Fact) -> bool:
        """Whether the words of a fact that was not found are missing from all texts too.

        A short fact stands as it is or does not; a long one may stand there in other words.
        """
        absent = sum(not self._counts[number] for number in self._numbered(fact.core))
        return fact.is_short or absent >= STRANGE * len(fact.core)

    def shown(self, fact: Fact, passages: Sequence[str]) -> int | None:
        """The first of a few passages that holds the fact; None where none does."""
        sought = self._sought(fact)
        keys = set(sought.core[:1]) if sought.is_short else set(sought.core)
        for at, passage in enumerate(passages):
            text = array("I", self._numbered(_words_of(passage)))
            whole = frozenset(text)
            if any(
                _stands(sought, text, i, whole, TOPIC_SHOWN)
                for i, n in enumerate(text)
                if n in keys
            ):
                return at
        return None

    def _number(self, word: str) -> int:
        return self._numbers.get(word, 0)

    def _numbered(self, found: Iterable[str]) -> Iterator[int]:
        return map(self._number, found)

    def _sought(self, fact: Fact) -> _Sought:
        core = tuple(self._numbered(fact.core))
        rare = sorted(set(core), key=lambda number: (self._counts[number], number))
        if not fact.is_short:
            keys = rare[: len(rare) - ceil(ENOUGH * len(rare)) + 1]
            return _Sought(core, fact.is_short, {}, {}, tuple(keys))
        only = fact.core[0] if len(fact.core) == 1 else ""
        speaks = len(only) >= SHORTEST and not only.isdigit() if only else True
        names = {self._number(word): self._weight(word, fact) for word in fact.names}
        if speaks and self._counts[rare[0]] <= SCARCE:
            return _Sought(core, fact.is_short, {}, names, (rare[0],))
        weights = {self._number(word): self._weight(word, fact) for word in fact.topic}
        keys = rare[:1]
        if self._counts[rare[0]] > MOST_PLACES:
            there = [number for number in weights if self._counts[number]]
            keys = sorted(there, key=lambda number: (self._counts[number], number))[:TOPICS]
        return _Sought(core, fact.is_short, weights, names, tuple(keys))

    def _weight(self, word: str, fact: Fact) -> float:
        """The rarer the more; a word that stands nowhere only weighs as a name, not as a figure."""
        count = self._counts[self._number(word)]
        if not count and (word not in fact.names or word.isdigit()):
            return 0.0
        return log(1 + (self._total or 1) / (count or 1))

    def _candidates(self, sought: _Sought) -> Iterator[tuple[int, int]]:
        for number in sought.keys:
            yield from self._places.get(number, ())[:MOST_PLACES]


def _stands(
    sought: _Sought, text: Sequence[int], place: int, whole: frozenset[int], topic: float
) -> bool:
    near = set(text[max(place - WINDOW, 0) : place + WINDOW])
    if not sought.is_short:
        wanted = set(sought.core)
        return len(wanted & near) >= ENOUGH * len(wanted)
    if sought.core[0] not in near or not _in_order(sought.core, text, place):
        return False
    total = sum(sought.weights.values())
    held = sum(
        weight * (1 if number in near else 0.5 if number in whole else 0)
        for number, weight in sought.weights.items()
    )
    return held >= topic * total


def _is_on(sought: _Sought, whole: frozenset[int]) -> bool:
    """Whether a text holds what the question names, the rarer the more it counts."""
    held = sum(weight for number, weight in sought.names.items() if number in whole)
    return held >= NAMED * sum(sought.names.values())


def _in_order(core: Sequence[int], text: Sequence[int], place: int) -> bool:
    """Whether the words stand around the place in their order, a few others between them."""
    if len(core) == 1:
        return True
    reach = len(core) + SHORTEST - 1
    at = 0
    for number in text[max(place - reach, 0) : place + reach]:
        at += number == core[at]
        if at == len(core):
            return True
    return False


@lru_cache(maxsize=1 << 15)
def _words_of(passage: str) -> tuple[str, ...]:
    """Many samples are shown the same passages."""
    return tuple(words(passage))
