"""What a way of answering costs per month at any volume, and where one is cheaper than another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from advisor.schema.spending import Serving


class Tariff(NamedTuple):
    """Dollars per month: `minimum`, or `per_call` x calls where that is more."""

    minimum: float
    per_call: float

    def usd(self, calls: float) -> float:
        """Of so many calls in a month."""
        return max(self.minimum, self.per_call * calls)

    @property
    def knee(self) -> float | None:
        """Calls from which they decide; None when they cost nothing."""
        return self.minimum / self.per_call if self.per_call else None


class Range(NamedTuple):
    """Calls per month between which tuning is cheaper; `end` None = any volume above."""

    start: float
    end: float | None


class Pair(NamedTuple):
    """Tuning's tariff and the other's, in one state of the world."""

    tuned: Tariff
    other: Tariff

    def gain(self, calls: float, setup: float) -> float:
        """Dollars that tuning saves a month."""
        return self.other.usd(calls) - self.tuned.usd(calls) - setup


class Bid(NamedTuple):
    """A way of answering, and its tariff at either end of everything that it rests on."""

    serving: Serving
    ends: Mapping[str, tuple[Tariff, Tariff]]
    """What is assumed -> the tariff where that is low, and where it is high."""


def tariffs(serving: Serving) -> tuple[Tariff, Tariff, Tariff] | None:
    """Low, likely and high; None when a price is unknown."""
    minimum, filled = serving.minimum_usd_per_month, serving.filled_usd_per_thousand_calls
    if minimum is None or filled is None:
        return None
    return (
        Tariff(float(minimum.low), float(filled.low) / 1000),
        Tariff(float(minimum.likely), float(filled.likely) / 1000),
        Tariff(float(minimum.high), float(filled.high) / 1000),
    )


def paying_ranges(tuned: Tariff, other: Tariff, setup: float) -> tuple[Range, ...]:
    """The ranges of calls per month in which `other` costs more by at least `setup`.

    `setup` is what tuning itself costs per month of the time in which it must pay back. The
    difference of the two tariffs is piecewise linear between their knees, so the ends are exact.
    """
    first = first_paying(tuned, other, setup)
    if first is None:
        return ()
    if first and other.per_call >= tuned.per_call:  # it never falls behind where it began to pay
        return (Range(first, None),)
    knees = sorted({0.0, *(k for k in (tuned.knee, other.knee) if k is not None)})
    ranges: list[Range] = []
    start: float | None = None
    for left, right in zip(knees, [*knees[1:], None], strict=True):
        gain = other.usd(left) - tuned.usd(left) - setup
        slope = _rate(other, left) - _rate(tuned, left)
        crossing = left - gain / slope if slope else None
        if start is None and gain >= 0:
            start = left
        if crossing is None or (right is not None and crossing > right):
            continue
        if start is None and slope > 0:
            start = crossing
        elif start is not None and slope < 0:
            ranges.append(Range(start, crossing))
            start = None
    return (*ranges, *(() if start is None else (Range(start, None),)))


def _rate(tariff: Tariff, left: float) -> float:
    """Dollars that a further call adds, right of a knee."""
    knee = tariff.knee
    return tariff.per_call if knee is not None and left >= knee else 0.0


def first_paying(tuned: Tariff, other: Tariff, setup: float) -> float | None:
    """Calls per month from which tuning pays; None for never. The start of the first range.

    Before both knees nothing changes with calls; behind the other's alone it only grows dearer,
    behind tuning's alone tuning does, behind both the difference per call decides.
    """
    (waiting, each), (idle, per_call) = tuned, other
    if idle - waiting >= setup:
        return 0.0
    if not per_call:
        return None
    alone = (waiting + setup) / per_call
    if alone * each <= waiting:
        return alone
    return setup / (per_call - each) if per_call > each else None
