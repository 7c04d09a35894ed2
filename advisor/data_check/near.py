"""Samples nearly the same, among samples held in memory.

Candidates come from an exact set-similarity join (prefix and length filter, as in Bayardo and
others, WWW 2007) up to a size, beyond it from MinHash sketches; either way the rule of `alike`
decides about a pair.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from advisor.data_check.alike import Alike, Seen, common_form
from advisor.data_check.normal import normalise, question_key
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Sample
from advisor.schema.labels import are_labels

EXACT_UP_TO = 4_000_000
"""Runs in all up to which the exact join is used: some seconds and 0.5 GB."""
TINY = 1e-9


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


def same_key(sample: Sample) -> str:
    """Equal for samples that ask the same; plain text is told apart by itself."""
    return question_key(sample) if sample.input or sample.history else normalise(sample.target)


def rule_of(samples: Iterable[Sample]) -> Alike:
    """The rule for these samples, by whether their targets are labels."""
    return Alike(has_labels=are_labels(Counter(normalise(sample.target) for sample in samples)))


def clusters(samples: Sequence[Sample]) -> list[tuple[int, ...]]:
    """Places of the samples that are equal or nearly so, two or more in each cluster.

    A cluster holds whatever a chain of near pairs connects. Independent of the order of the
    samples. Raises MissingExtraError for long or many texts without the extra `data`.
    """
    first: dict[tuple[str, str], int] = {}
    keys = [same_key(sample) for sample in samples]
    answers = [normalise(sample.target) for sample in samples]
    unions = Unions(len(samples))
    same: dict[str, int] = {}
    for place, both in enumerate(zip(keys, answers, strict=True)):
        unions.join(same.setdefault(both[0], place), place)
        first.setdefault(both, place)
    distinct = list(first.values())
    common = common_form(samples)
    rows = [Seen(samples[place], common) for place in distinct]
    rule = rule_of(samples)

    def is_open(one: int, other: int) -> bool:
        return unions.root(distinct[one]) != unions.root(distinct[other])

    for one, other in _candidates([row.runs for row in rows], rule.threshold, is_open):
        if rule.holds(rows[one], rows[other]):
            unions.join(distinct[one], distinct[other])
    return [group for group in unions.groups() if len(group) > 1]


def near_leaks(test: Sequence[Sample], train: Sequence[Sample]) -> tuple[Sample, ...]:
    """The test samples that are nearly, but not exactly, what a train sample asks."""
    known = {same_key(sample) for sample in train}
    held = Neighbours(train, rule=rule_of([*train, *test]), common=common_form([*train, *test]))
    return tuple(s for s in test if same_key(s) not in known and held.find(s) is not None)


Open = Callable[[int, int], bool]


def _candidates(
    sets: Sequence[set[str]], threshold: float, is_open: Open
) -> Iterable[tuple[int, int]]:
    """Pairs that may reach the threshold and still matter when they are come to."""
    small = sum(map(len, sets)) <= EXACT_UP_TO
    pairs = _joined(sets, threshold) if small else _hashed(sets)
    return (pair for pair in pairs if is_open(*pair))


def _joined(sets: Sequence[set[str]], threshold: float) -> Iterator[tuple[int, int]]:
    """Every pair that can reach the threshold: two such sets share one of their rarest runs.

    Runs that only one text has come first of all and lead nowhere, so they are only counted.
    """
    spread = {run: count for run, count in Counter(chain.from_iterable(sets)).items() if count > 1}
    ordered = sorted(spread, key=lambda run: (spread[run], run))
    rarity = {run: place for place, run in enumerate(ordered)}
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(range(len(sets)), key=lambda place: len(sets[place])):
        size = len(sets[number])
        shared = sorted(rarity[run] for run in sets[number] if run in rarity)
        rarest = size - math.ceil(threshold * size - TINY) + 1 - (size - len(shared))
        met: set[int] = set()
        for run in shared[: max(0, rarest)]:
            held = holders[run]
            met.update(place for place in held if len(sets[place]) >= threshold * size - TINY)
            held.append(number)
        yield from ((place, number) for place in met)


def _hashed(sets: Sequence[set[str]]) -> Iterable[tuple[int, int]]:
    """Pairs whose MinHash sketches agree in a band, as the check of a file finds them."""
    try:
        from advisor.data_check._minhash import Sketches  # noqa: PLC0415 - numpy and rensa
    except ImportError as error:
        what = "Looking for near duplicates among so many or so long texts"
        raise MissingExtraError(what, "data") from error
    sketches = Sketches()
    sketches.add(sets)
    return sketches.pairs()


class Neighbours:
    """Samples that grow one by one, each new one compared with all before."""

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        rule: Alike | None = None,
        common: frozenset[str] | None = None,
    ) -> None:
        self._rule = rule or rule_of(samples)
        self._common = common_form(samples) if common is None else common
        self._seen: list[Seen] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        rows = [Seen(sample, self._common) for sample in samples]
        self._spread = Counter(chain.from_iterable(row.runs for row in rows))
        for row in rows:
            self._take(row)

    def find(self, sample: Sample) -> int | None:
        """Place of the first sample nearly the same; None where there is none."""
        new = Seen(sample, self._common)
        met = {place for run in self._prefix(new.runs) for place in self._holders[run]}
        return next((at for at in sorted(met) if self._rule.holds(self._seen[at], new)), None)

    def add(self, sample: Sample) -> int:
        """Take the sample in; its place."""
        self._take(Seen(sample, self._common))
        return len(self._seen) - 1

    def _prefix(self, runs: set[str]) -> list[str]:
        """What one of two similar sets shares with the other: any order does, if it is one."""
        keep = len(runs) - math.ceil(self._rule.threshold * len(runs) - TINY) + 1
        return sorted(runs, key=lambda run: (self._spread[run], run))[:keep] if runs else []

    def _take(self, row: Seen) -> None:
        for run in self._prefix(row.runs):
            self._holders[run].append(len(self._seen))
        self._seen.append(row)
