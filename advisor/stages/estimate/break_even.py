"""From which monthly volume on tuning is cheaper than prompting, examples or retrieval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from advisor.schema.base import UsdInterval
from advisor.schema.spending import BreakEven, Serving, Volumes
from advisor.stages.estimate.tariffs import (
    Bid,
    Range,
    Tariff,
    first_paying,
    paying_ranges,
    tariffs,
)
from advisor.units import round_usd

_WAYS = {"prompting": "prompting", "few_shot": "few-shot", "rag": "RAG", "fine_tuning": "tuned"}
_SETUP = "setup (baselines, training, evaluation, storage)"


class _Case(NamedTuple):
    """Both tariffs and what the setup takes per month, in one state of the world."""

    tuned: Tariff
    other: Tariff
    setup: float

    @property
    def start(self) -> float | None:
        return first_paying(self.tuned, self.other, self.setup)

    def gain(self, calls: float) -> float:
        return self.other.usd(calls) - self.tuned.usd(calls) - self.setup


class Terms(NamedTuple):
    """Within how many months tuning must pay back, at how many calls, on what assumptions."""

    months: float
    calls_per_month: float | None = None
    assumed: tuple[str, ...] = ()


def break_even(tuned: Bid, other: Bid, *, setup_usd: UsdInterval, terms: Terms) -> BreakEven | None:
    """Volume from which tuning pays back in time; None when a price is unknown.

    Each thing that the volume rests on is moved to its low and to its high end; the spreads add
    as squares of logarithms. Where both run on rented GPUs, slow servers are set beside slow
    ones, for their speed is uncertain for the same reasons.
    """
    with_tuning, without = tariffs(tuned.serving), tariffs(other.serving)
    if with_tuning is None or without is None:
        return None
    case = _Case(with_tuning[1], without[1], float(setup_usd.likely) / terms.months)
    ends = list(_ends(tuned, other, case, setup_usd, terms.months))
    likely = paying_ranges(*case)
    volumes = _volumes(likely[0].start if likely else None, ends)
    may = volumes.low is not None
    return BreakEven(
        against=described(other.serving),
        tuned=described(tuned.serving),
        served=place(tuned.serving),
        months=terms.months,
        setup_usd=setup_usd,
        calls_per_month=volumes if may else None,
        gain_usd_per_month=_gain(case, ends, terms.calls_per_month),
        until_calls_per_month=_until(likely),
        never=not likely,
        because=_because(likely, case, float(setup_usd.likely), may=may),
        assumed=terms.assumed,
    )


def _ends(
    tuned: Bid, other: Bid, case: _Case, setup_usd: UsdInterval, months: float
) -> Iterator[tuple[_Case, _Case]]:
    """The case with one thing at its low and at its high end, for each thing that is uncertain."""
    names = dict.fromkeys((*tuned.ends, *other.ends))
    for name in names:
        lows, highs = zip(
            tuned.ends.get(name, (case.tuned, case.tuned)),
            other.ends.get(name, (case.other, case.other)),
            strict=True,
        )
        yield _Case(*lows, case.setup), _Case(*highs, case.setup)
    yield (
        case._replace(setup=float(setup_usd.low) / months),
        case._replace(setup=float(setup_usd.high) / months),
    )
    with_tuning, without = tariffs(tuned.serving), tariffs(other.serving)
    if with_tuning is None or without is None:
        return
    low, high = (case._replace(tuned=with_tuning[i]) for i in (0, 2))
    if not tuned.serving.is_hosted and not other.serving.is_hosted:
        yield low._replace(other=without[0]), high._replace(other=without[2])
        return
    yield low, high
    yield case._replace(other=without[0]), case._replace(other=without[2])


def _volumes(likely: float | None, ends: Sequence[tuple[_Case, _Case]]) -> Volumes:
    """Likely and both ends; an end at which tuning never pays leaves the upper part open."""
    found = [[low.start, high.start] for low, high in ends]
    known = [start for pair in found for start in pair if start is not None]
    if likely is None:
        low = min(known, default=None)
        return Volumes(low=None if low is None else _calls(low), likely=None, high=None)
    never = any(start is None for pair in found for start in pair)
    if likely <= 0:
        high = None if never else _calls(max(known, default=0.0))
        return Volumes(low=0.0, likely=0.0, high=high)
    tiny = 1e-9 * likely
    ratios = [[math.log(max(s, tiny) / likely) for s in pair if s is not None] for pair in found]
    down = math.hypot(*(min((0.0, *pair)) for pair in ratios))
    up = math.hypot(*(max((0.0, *pair)) for pair in ratios))
    return Volumes(
        low=_calls(likely * math.exp(-down)),
        likely=_calls(likely),
        high=None if never else _calls(likely * math.exp(up)),
    )


def _gain(
    case: _Case, ends: Sequence[tuple[_Case, _Case]], calls: float | None
) -> UsdInterval | None:
    """What tuning saves a month at so many calls; spreads add as squares."""
    if calls is None:
        return None
    likely = case.gain(calls)
    moved = [[end.gain(calls) - likely for end in pair] for pair in ends]
    down = math.hypot(*(min((0.0, *pair)) for pair in moved))
    up = math.hypot(*(max((0.0, *pair)) for pair in moved))
    low, middle, high = (
        round_usd(Decimal(repr(usd))) for usd in (likely - down, likely, likely + up)
    )
    return UsdInterval(low=low, likely=middle, high=high)


def _calls(calls: float) -> float:
    """Whole calls, rounded up."""
    return float(math.ceil(round(calls, 6)))


def _until(likely: Sequence[Range]) -> float | None:
    end = likely[0].end if likely else None
    return None if end is None else float(math.floor(round(end, 6)))


def described(serving: Serving) -> str:
    """The way of answering, the model and where it runs."""
    where = serving.provider if serving.is_hosted else f"{serving.gpus} x {serving.gpu}"
    return f"{_WAYS[serving.approach]} {serving.model} ({where})"


def place(serving: Serving) -> str:
    """Where the tuned model answers: 'served on 2 x rtx-a4000', 'tuned and served at tinker'."""
    if serving.is_hosted:
        return f"tuned and served at {serving.provider}"
    return f"served on {serving.gpus} x {serving.gpu}"


def _because(found: Sequence[Range], case: _Case, setup: float, *, may: bool) -> str:
    saved = (case.other.per_call - case.tuned.per_call) * 1000
    if not found:
        at_best = " Only at the lucky end of the intervals it would." if may else ""
        if saved > 0:
            return f"The savings never reach ${setup:,.2f} of {_SETUP}.{at_best}"
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
    waits = ""
    if case.tuned.minimum:
        waits = f" and ${case.tuned.minimum:,.2f} a month for GPUs that wait"
    return (
        f"A thousand calls cost ${saved:.4f} less; that must first carry ${setup:,.2f} of "
        f"{_SETUP}{waits}."
    )


def break_evens(
    tuned: Sequence[tuple[Bid, UsdInterval]], others: Sequence[Bid], terms: Terms
) -> tuple[BreakEven, ...]:
    """Each way of serving the tuned model against each other approach.

    Each tuned way stands with what its tuning costs. Where an approach can be had in several
    ways (rented GPUs, billed tokens), the one against which tuning pays back last counts, for that
    is what a caller would choose instead.
    """
    found = []
    for bid, setup in tuned:
        for approach in dict.fromkeys(other.serving.approach for other in others):
            rivals = [other for other in others if other.serving.approach == approach]
            usd = float(setup.likely) / terms.months
            known = [(rank, o) for o in rivals if (rank := _rank(bid, o, usd)) is not None]
            if not known:
                continue
            _, hardest = max(known, key=lambda pair: pair[0])
            pair = break_even(bid, hardest, setup_usd=setup, terms=terms)
            if pair is not None:
                found.append(pair)
    return tuple(found)


def _rank(tuned: Bid, other: Bid, setup: float) -> tuple[bool, float] | None:
    """Never last, else by the calls from which tuning likely pays; None without prices."""
    with_tuning, without = tariffs(tuned.serving), tariffs(other.serving)
    if with_tuning is None or without is None:
        return None
    start = first_paying(with_tuning[1], without[1], setup)
    return start is None, start or 0.0
