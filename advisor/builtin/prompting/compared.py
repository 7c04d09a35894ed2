"""Two prompts on the same samples: by the mean of scores, or by the metric of their totals."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

ValueOf = Callable[[Mapping[str, float]], float]
"""The metric of summed totals."""
MAY_BE_CHANCE = 0.1
"""Chance, at most, that a prompt no better than the start would do so well against it."""
SWAPS = 1_000
"""Ways of swapping the answers of two prompts that are looked at."""
_ALL_UP_TO = 10
"""Samples that differ up to which all ways of swapping are looked at."""
_ROUNDING = 1e-12


class Mark(NamedTuple):
    """What the metric says of one answer."""

    value: float | None
    """None where it could give no value."""
    totals: Mapping[str, float] = MappingProxyType({})
    """What it adds to the counts of a metric that is no mean."""


@dataclass(frozen=True)
class Paired:
    """Two prompts on the samples that both have scores for."""

    n: int
    start: float
    other: float
    wins: int
    losses: int
    chance: float
    """Chance of such a lead or more, were both as good.

    One-sided: the exact sign test, or for a metric of totals the swapping of answers.
    """

    @property
    def difference(self) -> float:
        """By how much the second is better."""
        return self.other - self.start

    @property
    def is_better(self) -> bool:
        """Whether the second is better than chance would often make it."""
        return self.difference > 0 and self.chance <= MAY_BE_CHANCE


def whole(marks: Sequence[Mark], value_of: ValueOf | None) -> float:
    """The metric on all samples that have a score; 0 without any."""
    known = [mark for mark in marks if mark.value is not None]
    if not known:
        return 0.0
    if value_of is None:
        return fmean(mark.value or 0.0 for mark in known)
    return value_of(_sum(mark.totals for mark in known))


def lead(
    start: Sequence[Mark], other: Sequence[Mark], value_of: ValueOf | None = None
) -> tuple[int, float]:
    """The number of samples that both have scores for, and the second's lead on these."""
    one, two = _both(start, other)
    return len(one), whole(two, value_of) - whole(one, value_of)


def paired(start: Sequence[Mark], other: Sequence[Mark], value_of: ValueOf | None = None) -> Paired:
    """The second against the first, sample by sample."""
    one, two = _both(start, other)
    values = [(a.value or 0.0, b.value or 0.0) for a, b in zip(one, two, strict=True)]
    wins, losses = sum(b > a for a, b in values), sum(b < a for a, b in values)
    return Paired(
        n=len(one),
        start=whole(one, value_of),
        other=whole(two, value_of),
        wins=wins,
        losses=losses,
        chance=_signs(wins, losses) if value_of is None else _swapped(one, two, value_of),
    )


def _both(start: Sequence[Mark], other: Sequence[Mark]) -> tuple[list[Mark], list[Mark]]:
    both = [
        (one, two)
        for one, two in zip(start, other, strict=False)
        if one.value is not None and two.value is not None
    ]
    return [one for one, _ in both], [two for _, two in both]


def _signs(wins: int, losses: int) -> float:
    differ = wins + losses
    return float(sum(comb(differ, k) for k in range(wins, differ + 1)) / 2**differ)


def _swapped(one: Sequence[Mark], two: Sequence[Mark], value_of: ValueOf) -> float:
    """Share of the ways to swap answers in which the second leads by as much or more."""
    pairs = zip(one, two, strict=True)
    moves = [_minus(a.totals, b.totals) for a, b in pairs if a.totals != b.totals]
    first, second = _sum(mark.totals for mark in one), _sum(mark.totals for mark in two)
    seen = value_of(second) - value_of(first) - _ROUNDING

    def is_as_far(mask: int) -> bool:
        moved = _sum(move for at, move in enumerate(moves) if mask >> at & 1)
        return value_of(_plus(second, moved)) - value_of(_minus(first, moved)) >= seen

    masks: Iterable[int] = range(2 ** len(moves))
    if len(moves) > _ALL_UP_TO:
        draw = random.Random(0)  # noqa: S311 - repeatable, no secret
        masks = [0, *(draw.getrandbits(len(moves)) for _ in range(SWAPS - 1))]
    return fmean(map(is_as_far, masks))


def _sum(totals: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for each in totals:
        for name, count in each.items():
            found[name] += count
    return found


def _plus(one: Mapping[str, float], two: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) + two.get(name, 0.0) for name in {**one, **two}}


def _minus(one: Mapping[str, float], two: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) - two.get(name, 0.0) for name in {**one, **two}}
