"""Samples whose inputs are the same or nearly so, among samples held in memory.

Candidates come from an exact set-similarity join (prefix and length filter, as in Bayardo and
others, WWW 2007) up to a size, beyond it from MinHash with locality-sensitive hashing (rensa);
either way a pair counts only when its Jaccard similarity says so.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from advisor.data_check.normal import input_key, normalise
from advisor.data_check.shingles import shingles, similarity
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Sample

THRESHOLD = 0.8
EXACT_UP_TO = 3_000_000
"""Shingles in all up to which the exact join is used: about five seconds and 0.5 GB."""
TINY = 1e-9
PERMUTATIONS = 128
BANDS = 32
"""Of four values each: a pair of similarity 0.8 is missed once in 20 million."""
COMMON_SHARE = 0.1
COMMON_AT_LEAST = 20
"""A shingle in a tenth of the texts, and in at least so many, belongs to their common form."""


class Unions:
    """Which numbers have been joined, directly or through others."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, number: int) -> int:
        """The number that stands for all it is joined with."""
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def join(self, one: int, other: int) -> None:
        """Join two numbers; the smaller root stands for both."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parent[second] = first

    def groups(self) -> list[tuple[int, ...]]:
        """All numbers by what they are joined with, in order of the first."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number in range(len(self._parent)):
            found[self.root(number)].append(number)
        return [tuple(group) for group in found.values()]


def asked(sample: Sample) -> str:
    """What is compared: the turns of users and tools and the input; of plain text the text."""
    turns = [turn.content for turn in sample.history if turn.role in ("user", "tool")]
    return "\n".join([*turns, sample.input]) if sample.input or turns else sample.target


def same_key(sample: Sample) -> str:
    """Equal for samples that ask the same; plain text is told apart by itself."""
    return input_key(sample) if sample.input or sample.history else normalise(sample.target)


def clusters(samples: Sequence[Sample], threshold: float = THRESHOLD) -> list[tuple[int, ...]]:
    """Places of the samples that are equal or nearly so, two or more in each cluster.

    A cluster holds whatever a chain of near pairs connects. Independent of the order of the
    samples. Raises MissingExtraError for long or many texts without the extra `data`.
    """
    first: dict[str, int] = {}
    places = [first.setdefault(same_key(sample), number) for number, sample in enumerate(samples)]
    unions = Unions(len(samples))
    for number, place in enumerate(places):
        unions.join(place, number)
    distinct = list(first.values())
    for one, other in near_pairs([asked(samples[place]) for place in distinct], threshold):
        unions.join(distinct[one], distinct[other])
    return [group for group in unions.groups() if len(group) > 1]


def near_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> Iterator[tuple[int, int]]:
    """Pairs of texts at least so similar; of pairs already connected through others some lack.

    What a tenth of the texts share (an instruction before every input) is not compared.
    """
    sets = [shingles(text) for text in texts]
    spread = {
        shingle: count for shingle, count in Counter(chain.from_iterable(sets)).items() if count > 1
    }
    sets = _without_common_form(sets, spread)
    small = sum(map(len, sets)) <= EXACT_UP_TO
    candidates = _joined(sets, spread, threshold) if small else _hashed(sets)
    known = Unions(len(sets))
    for one, other in candidates:
        if known.root(one) != known.root(other) and (
            similarity(sets[one], sets[other]) >= threshold
        ):
            known.join(one, other)
            yield one, other


def _without_common_form(sets: list[set[str]], spread: dict[str, int]) -> list[set[str]]:
    """The sets without what very many have; a text that consists of it keeps it."""
    limit = max(COMMON_AT_LEAST, math.ceil(COMMON_SHARE * len(sets)))
    common = {shingle for shingle, count in spread.items() if count >= limit}
    return [found - common or found for found in sets] if common else sets


def _joined(
    sets: Sequence[set[str]], spread: dict[str, int], threshold: float
) -> Iterator[tuple[int, int]]:
    """Every pair that can reach the threshold: two such sets share one of their rarest shingles.

    Shingles that only one text has come first of all and lead nowhere, so they are only counted.
    """
    rarity = {
        shingle: place for place, shingle in enumerate(sorted(spread, key=spread.__getitem__))
    }
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(range(len(sets)), key=lambda place: len(sets[place])):
        size = len(sets[number])
        shared = sorted(rarity[shingle] for shingle in sets[number] if shingle in rarity)
        rarest = size - math.ceil(threshold * size - TINY) + 1 - (size - len(shared))
        met: set[int] = set()
        for shingle in shared[: max(0, rarest)]:
            held = holders[shingle]
            met.update(place for place in held if len(sets[place]) >= threshold * size - TINY)
            held.append(number)
        yield from ((place, number) for place in met)


def _hashed(sets: Sequence[set[str]]) -> Iterable[tuple[int, int]]:
    """Pairs that share a band of their MinHash signatures."""
    try:
        from rensa import RMinHash, RMinHashLSH  # noqa: PLC0415 - heavy, and optional
    except ImportError as error:
        what = "Looking for near duplicates among so many or so long texts"
        raise MissingExtraError(what, "data") from error
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=BANDS)
    filled = [number for number, found in enumerate(sets) if found]
    for number in filled:
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=0)
        sketch.update(sorted(sets[number]))
        for place in index.query(sketch):
            yield place, number
        index.insert(number, sketch)


class Neighbours:
    """Texts that grow one by one, each new one compared with all before."""

    def __init__(self, texts: Sequence[str], threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._sets: list[set[str]] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        sets = [shingles(text) for text in texts]
        spread = Counter(chain.from_iterable(sets))
        limit = max(COMMON_AT_LEAST, math.ceil(COMMON_SHARE * len(sets)))
        self._common = {shingle for shingle, count in spread.items() if count >= limit}
        for found in sets:
            self._take(found - self._common or found)

    def find(self, text: str) -> int | None:
        """Place of the first text at least so similar; None where there is none."""
        asked = self._of(text)
        met = {place for shingle in self._prefix(asked) for place in self._holders[shingle]}
        return next(
            (at for at in sorted(met) if similarity(self._sets[at], asked) >= self._threshold),
            None,
        )

    def add(self, text: str) -> int:
        """Take the text in; its place."""
        self._take(self._of(text))
        return len(self._sets) - 1

    def _of(self, text: str) -> set[str]:
        found = shingles(text)
        return found - self._common or found

    def _prefix(self, found: set[str]) -> list[str]:
        """What one of two similar sets shares with the other: any order does, if it is one."""
        keep = len(found) - math.ceil(self._threshold * len(found) - TINY) + 1
        return sorted(found)[:keep] if found else []

    def _take(self, found: set[str]) -> None:
        for shingle in self._prefix(found):
            self._holders[shingle].append(len(self._sets))
        self._sets.append(found)
