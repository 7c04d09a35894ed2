"""From which monthly volume on tuning is cheaper than prompting, examples or retrieval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from advisor.schema.base import UsdInterval
from advisor.schema.spending import BreakEven, Serving, Volumes
from advisor.stages.estimate.money.tariffs import (
    Bid,
    Pair,
    Range,
    first_paying,
    paying_ranges,
    tariffs,
)
from advisor.units import round_usd

_WAYS = {"prompting": "prompting", "few_shot": "few-shot", "rag": "RAG", "fine_tuning": "tuned"}
_SETUP = "setup (baselines, training, evaluation, storage)"
_TINY = 1e-9


class Rivals(NamedTuple):
    """A tuned way and an untuned one, with all that does not depend on what tuning costs."""

    tuned: Serving
    other: Serving
    likely: Pair
    ends: tuple[tuple[Pair, Pair], ...]
    """Both tariffs with one thing at its low and at its high end, for each uncertain thing."""


class Terms(NamedTuple):
    """Within how many months tuning must pay back, at how many calls, on what assumptions."""

    months: float
    calls_per_month: float | None = None
    assumed: tuple[str, ...] = ()


def rivals(tuned: Bid, other: Bid) -> Rivals | None:
    """The two side by side; None when a price is unknown.

    Where both run on rented GPUs, slow servers are set beside slow ones, for their speed is
    uncertain for the same reasons.
    """
    with_tuning, without = tariffs(tuned.serving), tariffs(other.serving)
    if with_tuning is None or without is None:
        return None
    likely = Pair(with_tuning[1], without[1])
    ends = []
    for name in dict.fromkeys((*tuned.ends, *other.ends)):
        ours = tuned.ends.get(name, (likely.tuned, likely.tuned))
        theirs = other.ends.get(name, (likely.other, likely.other))
        ends.append((Pair(ours[0], theirs[0]), Pair(ours[1], theirs[1])))
    if tuned.serving.is_hosted or other.serving.is_hosted:
        ends.append((Pair(with_tuning[0], without[1]), Pair(with_tuning[2], without[1])))
        ends.append((Pair(with_tuning[1], without[0]), Pair(with_tuning[1], without[2])))
    else:
        ends.append((Pair(with_tuning[0], without[0]), Pair(with_tuning[2], without[2])))
    moving = tuple(pair for pair in ends if pair != (likely, likely))
    return Rivals(tuned.serving, other.serving, likely, moving)


def match(tuned: Bid, others: Sequence[Bid]) -> tuple[tuple[Rivals, ...], ...]:
    """A tuned way beside the others, by approach."""
    by_approach: dict[str, list[Rivals]] = {}
    for other in others:
        pair = rivals(tuned, other)
        if pair is not None:
            by_approach.setdefault(other.serving.approach, []).append(pair)
    return tuple(map(tuple, by_approach.values()))


def break_even(pair: Rivals, *, setup_usd: UsdInterval, terms: Terms) -> BreakEven:
    """Volume from which tuning pays back in time.

    Each thing that the volume rests on is moved to its low and to its high end; the spreads add
    as squares of logarithms.
    """
    low, setup, high = (
        float(usd) / terms.months for usd in (setup_usd.low, setup_usd.likely, setup_usd.high)
    )
    ranges = paying_ranges(*pair.likely, setup)
    volumes = _volumes(ranges[0].start if ranges else None, pair, (low, setup, high))
    may = volumes.low is not None
    return BreakEven(
        against=described(pair.other),
        tuned=described(pair.tuned),
        served=place(pair.tuned),
        months=terms.months,
        setup_usd=setup_usd,
        calls_per_month=volumes if may else None,
        gain_usd_per_month=_gain(pair, (low, setup, high), terms.calls_per_month),
        until_calls_per_month=_until(ranges),
        never=not ranges,
        because=_because(ranges, pair.likely, float(setup_usd.likely), may=may),
        assumed=terms.assumed,
    )


def _volumes(likely: float | None, pair: Rivals, setups: tuple[float, float, float]) -> Volumes:
    """Likely and both ends; an end at which tuning never pays leaves the upper part open."""
    low, setup, high = setups
    ours, theirs = pair.likely
    found = [(first_paying(ours, theirs, low), first_paying(ours, theirs, high))]
    for (our_low, their_low), (our_high, their_high) in pair.ends:
        low_start = first_paying(our_low, their_low, setup)
        found.append((low_start, first_paying(our_high, their_high, setup)))
    if not likely:
        return _without_spread(likely, [start for ends in found for start in ends])
    never, down, up = False, 0.0, 0.0
    for ends in found:
        least = most = likely
        for start in ends:
            if start is None:
                never = True
            elif start < least:
                least = start
            elif start > most:
                most = start
        if least < likely:
            down += math.log(max(least / likely, _TINY)) ** 2
        if most > likely:
            up += math.log(most / likely) ** 2
    return Volumes(
        low=_calls(likely * math.exp(-math.sqrt(down))),
        likely=_calls(likely),
        high=None if never else _calls(likely * math.exp(math.sqrt(up))),
    )


def _without_spread(likely: float | None, starts: Sequence[float | None]) -> Volumes:
    """Both ends where tuning likely never pays, or at any volume: the first and the last start."""
    known = [start for start in starts if start is not None]
    if likely is None:
        best = min(known, default=None)
        return Volumes(low=None if best is None else _calls(best), likely=None, high=None)
    never = len(known) < len(starts)
    return Volumes(low=0.0, likely=0.0, high=None if never else _calls(max(known)))


def _gain(
    pair: Rivals, setups: tuple[float, float, float], calls: float | None
) -> UsdInterval | None:
    """What tuning saves a month at so many calls; spreads add as squares."""
    if calls is None:
        return None
    low, setup, high = setups
    likely = pair.likely.gain(calls, setup)
    moved = [(setup - low, setup - high)]
    moved += [
        (low_end.gain(calls, setup) - likely, high_end.gain(calls, setup) - likely)
        for low_end, high_end in pair.ends
    ]
    down = math.hypot(*(min((0.0, *ends)) for ends in moved))
    up = math.hypot(*(max((0.0, *ends)) for ends in moved))
    lowest, middle, highest = (
        round_usd(Decimal(repr(usd))) for usd in (likely - down, likely, likely + up)
    )
    return UsdInterval(low=lowest, likely=middle, high=highest)


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


def _because(found: Sequence[Range], case: Pair, setup: float, *, may: bool) -> str:
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
    matches: Sequence[tuple[Sequence[Sequence[Rivals]], UsdInterval]], terms: Terms
) -> tuple[BreakEven, ...]:
    """Each way of serving the tuned model against each other approach.

    Each tuned way stands with what its tuning costs. Where an approach can be had in several
    ways (rented GPUs, billed tokens), the one against which tuning pays back last counts, for that
    is what a caller would choose instead.
    """
    found = []
    for approaches, setup_usd in matches:
        setup = float(setup_usd.likely) / terms.months
        for pairs in approaches:
            hardest = pairs[0] if len(pairs) == 1 else _hardest(pairs, setup)
            found.append(break_even(hardest, setup_usd=setup_usd, terms=terms))
    return tuple(found)


def _hardest(pairs: Sequence[Rivals], setup: float) -> Rivals:
    """Never before late, and the latest of those that tuning likely beats."""

    def rank(pair: Rivals) -> tuple[bool, float]:
        start = first_paying(*pair.likely, setup)
        return start is None, start or 0.0

    return max(pairs, key=rank)
