"""What approaches added to the best plain prompt in published comparisons, by what was known."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from advisor.rulebook.conditions import facts_of, holds
from advisor.schema.rule import Approach, Condition, GainBand, Scalar
from benchmarks.decisions.cases import APPROACH_OF, POINTS, Case

PAIRS = Path(__file__).with_name("rag_lift_pairs.csv")
"""Closed-book scores with and without retrieval, by publication."""
FEWEST_COMPARISONS = 4
FEWEST_SOURCES = 2
PROMISE = 0.8
"""Share of comparisons that a band is to hold."""
FACTORS = tuple(step / 10 for step in range(10, 41))
NARROW = ("classification", "extraction", "structured_output", "tool_use")
SCORE, CLOSED = "measured.prompted_score", "measured.closed_book_score"
Part = tuple[str, str, Scalar | tuple[Scalar, ...]]
PROMPTED: tuple[tuple[Part, ...], ...] = (
    ((SCORE, "at_most", 0.5),),
    ((SCORE, "between", (0.5, 0.8)),),
    ((SCORE, "between", (0.8, 0.9)),),
    ((SCORE, "at_least", 0.9),),
)
BANDS: dict[Approach, tuple[tuple[Part, ...], ...]] = {
    "rag": (
        ((CLOSED, "at_most", 0.2),),
        ((CLOSED, "between", (0.2, 0.4)),),
        ((CLOSED, "between", (0.4, 0.6)),),
        ((CLOSED, "at_least", 0.6),),
        (),
    ),
    "rag_plus_fine_tuning": (((CLOSED, "at_most", 0.4),), ((CLOSED, "at_least", 0.4),), ()),
    "fine_tuning": (
        *(((("task.kind", "in", NARROW)), *parts) for parts in PROMPTED),
        (("task.needs_reasoning", "is", True), ("model.frontier_usable", "is", True)),
        (("task.needs_reasoning", "is", True),),
        *PROMPTED,
        (("task.kind", "in", NARROW),),
        (),
    ),
    "small_model": (((SCORE, "at_most", 0.8),), ((SCORE, "at_least", 0.8),), ()),
    "prompt_optimisation": ((),),
    "reinforcement": ((),),
    "preference_tuning": ((),),
    "continued_pretraining": (((("knowledge.in_documents", "is", True)),), ()),
    "long_context": ((),),
}
"""From the narrowest to what holds always."""


Gain = tuple[float, str, dict[str, Scalar]]
"""Points over the prompt, publication, facts."""


def gain_bands(cases: Sequence[Case]) -> tuple[GainBand, ...]:
    """The bands that enough comparisons of at least two publications support.

    Their ends are drawn out from the middle by one factor, the smallest with which 80 % of the
    comparisons lie inside the band that the other publications make.
    """
    tables = {approach: list(_gains(approach, cases)) for approach in BANDS}
    factor = _widening(tables)
    return tuple(
        band for approach, gains in tables.items() for band in _bands(approach, gains, factor)
    )


def _bands(approach: Approach, gains: Sequence[Gain], factor: float) -> Iterable[GainBand]:
    for parts in BANDS[approach]:
        when = Condition.model_validate(
            {"all": [{"fact": fact, "op": op, "value": value} for fact, op, value in parts]}
        )
        fitting = [gain for gain in gains if holds(when, gain[2])]
        sources = {source for _, source, _ in fitting}
        if len(fitting) >= FEWEST_COMPARISONS and len(sources) >= FEWEST_SOURCES:
            low, likely, high = _quantiles(fitting)
            yield GainBand(
                approach=approach,
                when=when,
                low=round(likely - factor * (likely - low), 1),
                likely=likely,
                high=round(likely + factor * (high - likely), 1),
                comparisons=len(fitting),
                sources=len(sources),
            )


def _widening(tables: Mapping[Approach, Sequence[Gain]]) -> float:
    """The factor of `FACTORS` by which bands must be drawn out to hold what they promise."""
    needed = [pair for approach, gains in tables.items() for pair in _left_out(approach, gains)]
    total = sum(weight for _, weight in needed)
    for factor in FACTORS:
        if sum(weight for least, weight in needed if least <= factor) >= PROMISE * total:
            return factor
    return FACTORS[-1]


def _left_out(approach: Approach, gains: Sequence[Gain]) -> Iterable[tuple[float, float]]:
    """Of every comparison: the factor it needs in bands without its publication, and its weight."""
    counts = Counter(source for _, source, _ in gains)
    for source, count in counts.items():
        others = [gain for gain in gains if gain[1] != source]
        bands = list(_bands(approach, others, 1.0))
        yield from ((_needed(g, bands), count**-0.5) for g in gains if g[1] == source)


def _needed(gain: Gain, bands: Sequence[GainBand]) -> float:
    """The factor with which the first fitting band just reaches the gain; 0 without a band."""
    band = next((band for band in bands if holds(band.when, gain[2])), None)
    if band is None:
        return 0.0
    off = gain[0] - band.likely
    reach = band.high - band.likely if off > 0 else band.likely - band.low
    return abs(off) / reach if reach > 0 else (0.0 if off == 0 else float("inf"))


def _gains(approach: Approach, cases: Sequence[Case]) -> Iterable[Gain]:
    """Every published gain of the approach over the prompt of the same case."""
    known = {case.source for case in cases}
    if approach == "rag":
        yield from _lifts(known)
        return
    for case in cases:
        values = [v for family, v in case.values.items() if approach in APPROACH_OF[family]]
        if case.is_absolute and values and "prompt" in case.values:
            yield max(values) - case.values["prompt"], case.source, facts_of(case.scored)


def _lifts(sources: set[str]) -> Iterable[Gain]:
    with PAIRS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"] in sources:
                closed = float(row["without_retrieval"]) / POINTS
                yield float(row["lift"]), row["source"], {CLOSED: closed}


def _quantiles(gains: Sequence[Gain]) -> tuple[float, float, float]:
    """10, 50 and 90 % of the gains, one decimal.

    A publication weighs as the root of its comparisons: neither one large table nor one lone row
    decides.
    """
    counts: dict[str, int] = {}
    for _, source, _ in gains:
        counts[source] = counts.get(source, 0) + 1
    weighed = sorted((gain, counts[source] ** -0.5) for gain, source, _ in gains)
    total = sum(weight for _, weight in weighed)
    low, likely, high = (_quantile(weighed, share * total) for share in (0.1, 0.5, 0.9))
    return low, likely, high


def _quantile(weighed: Sequence[tuple[float, float]], wanted: float) -> float:
    passed = 0.0
    for gain, weight in weighed:
        passed += weight
        if passed >= wanted - 1e-9:
            return round(gain, 1)
    return round(weighed[-1][0], 1)
