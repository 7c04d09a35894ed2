"""From which monthly volume on tuning is cheaper than prompting, examples or retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from advisor.schema.base import UsdInterval
from advisor.schema.spending import BreakEven, Serving, Volumes
from advisor.units import round_usd

_WAYS = {"prompting": "prompting", "few_shot": "few-shot", "rag": "RAG", "fine_tuning": "tuned"}


@dataclass(frozen=True)
class Tariff:
    """Dollars per month: `minimum`, or `per_call` x calls where that is more."""

    minimum: Decimal
    per_call: Decimal

    def usd(self, calls: Decimal) -> Decimal:
        """Of so many calls in a month."""
        return max(self.minimum, self.per_call * calls)

    @property
    def knee(self) -> Decimal | None:
        """Calls from which they decide; None when they cost nothing."""
        return self.minimum / self.per_call if self.per_call else None


@dataclass(frozen=True)
class Range:
    """Calls per month between which tuning is cheaper; `end` None = any volume above."""

    start: Decimal
    end: Decimal | None


def tariffs(serving: Serving) -> tuple[Tariff, Tariff, Tariff] | None:
    """Low, likely and high; None when a price is unknown."""
    minimum, filled = serving.minimum_usd_per_month, serving.filled_usd_per_thousand_calls
    if minimum is None or filled is None:
        return None
    return (
        Tariff(minimum.low, filled.low / 1000),
        Tariff(minimum.likely, filled.likely / 1000),
        Tariff(minimum.high, filled.high / 1000),
    )


def paying_ranges(tuned: Tariff, other: Tariff, setup: Decimal) -> tuple[Range, ...]:
    """The ranges of calls per month in which `other` costs more by at least `setup`.

    `setup` is what tuning itself costs per month of the time in which it must pay back. The
    difference of the two tariffs is piecewise linear between their knees, so the ends are exact.
    """
    knees = sorted({Decimal(0), *(k for k in (tuned.knee, other.knee) if k is not None)})
    ranges: list[Range] = []
    start: Decimal | None = None
    for left, right in zip(knees, [*knees[1:], None], strict=True):
        gain = other.usd(left) - tuned.usd(left) - setup
        slope = _slope(tuned, other, left)
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


def _slope(tuned: Tariff, other: Tariff, left: Decimal) -> Decimal:
    """Dollars by which a further call changes the gain, right of a knee."""

    def rate(tariff: Tariff) -> Decimal:
        knee = tariff.knee
        return tariff.per_call if knee is not None and left >= knee else Decimal(0)

    return rate(other) - rate(tuned)


def break_even(
    tuned: Serving,
    other: Serving,
    *,
    setup_usd: UsdInterval,
    months: float,
    calls_per_month: float | None = None,
) -> BreakEven | None:
    """Volume from which tuning pays back within `months`; None when a price is unknown.

    Where both run on rented GPUs, slow servers are set beside slow ones, for their speed is
    uncertain for the same reasons. The interval spans all pairs of serving and tuning costs.
    """
    with_tuning, without = tariffs(tuned), tariffs(other)
    if with_tuning is None or without is None:
        return None
    time = Decimal(str(months))
    setups = [usd / time for usd in (setup_usd.low, setup_usd.likely, setup_usd.high)]
    pairs = list(zip(with_tuning, without, strict=True))
    found = [paying_ranges(t, o, setup) for t, o in pairs for setup in setups]
    likely = paying_ranges(*pairs[1], setups[1])
    starts = [ranges[0].start for ranges in found if ranges]
    volumes = Volumes(
        low=_calls(min(starts)) if starts else None,
        likely=_calls(likely[0].start) if likely else None,
        high=_calls(max(starts)) if len(starts) == len(found) else None,
    )
    end = likely[0].end if likely else None
    return BreakEven(
        against=described(other),
        tuned=described(tuned),
        months=months,
        calls_per_month=volumes if starts else None,
        gain_usd_per_month=_gain(pairs, setups, calls_per_month),
        until_calls_per_month=None if end is None else _calls(end, ROUND_FLOOR),
        never=not likely,
        because=_because(likely, *pairs[1], setup_usd.likely, may=bool(starts)),
    )


def _gain(
    pairs: Sequence[tuple[Tariff, Tariff]], setups: Sequence[Decimal], calls: float | None
) -> UsdInterval | None:
    if calls is None:
        return None
    count = Decimal(str(calls))
    saved = [other.usd(count) - tuned.usd(count) for tuned, other in pairs]
    gains = [amount - setup for amount in saved for setup in setups]
    return UsdInterval(
        low=round_usd(min(gains)),
        likely=round_usd(saved[1] - setups[1]),
        high=round_usd(max(gains)),
    )


def _calls(calls: Decimal, rounding: str = ROUND_CEILING) -> float:
    """Whole calls."""
    return float(calls.to_integral_value(rounding=rounding))


def described(serving: Serving) -> str:
    """The way of answering, the model and where it runs."""
    where = serving.provider if serving.is_hosted else f"{serving.gpus} x {serving.gpu}"
    return f"{_WAYS[serving.approach]} {serving.model} ({where})"


def _because(
    found: Sequence[Range], tuned: Tariff, other: Tariff, setup: Decimal, *, may: bool
) -> str:
    saved = (other.per_call - tuned.per_call) * 1000
    if not found:
        at_best = " Only at the lucky end of the intervals it would." if may else ""
        if saved > 0:
            return f"The savings never reach ${round_usd(setup)} of tuning.{at_best}"
        return f"A thousand calls cost ${-saved:.4f} more, at any volume.{at_best}"
    first = found[0]
    if first.end is not None:
        again = f", and again from {found[1].start:,.0f} on" if len(found) > 1 else ""
        return (
            "The other's GPUs cost more while they wait for calls; tuning pays up to "
            f"{first.end:,.0f} calls a month{again}."
        )
    if first.start == 0:
        return "What is billed even without a call costs more by itself."
    waiting = round_usd(tuned.minimum)
    waits = f" and ${waiting} a month for GPUs that wait" if waiting else ""
    return (
        f"A thousand calls cost ${saved:.4f} less; that must first carry ${round_usd(setup)} "
        f"of tuning{waits}."
    )


def break_evens(
    tuned: Sequence[tuple[Serving, UsdInterval]],
    others: Sequence[Serving],
    *,
    months: float,
    calls_per_month: float | None = None,
) -> tuple[BreakEven, ...]:
    """Each way of serving the tuned model against each other approach.

    Each tuned serving stands with what its tuning costs. Where an approach can be had in several
    ways (rented GPUs, billed tokens), the one against which tuning pays back last counts, for that
    is what a caller would choose instead.
    """

    def rank(found: BreakEven) -> tuple[bool, float, bool, float]:
        volumes = found.calls_per_month or Volumes(low=None, likely=None, high=None)
        return (
            volumes.likely is None,
            volumes.likely or 0.0,
            volumes.high is None,
            volumes.high or 0.0,
        )

    found = []
    for approach in dict.fromkeys(other.approach for other in others):
        for serving, setup in tuned:
            pairs = [
                break_even(
                    serving,
                    other,
                    setup_usd=setup,
                    months=months,
                    calls_per_month=calls_per_month,
                )
                for other in others
                if other.approach == approach
            ]
            known = [pair for pair in pairs if pair is not None]
            if known:
                found.append(max(known, key=rank))
    return tuple(found)
