"""How a score becomes a chance of being acceptable, and which published gains fit a profile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from advisor.rulebook.conditions import Facts, holds
from advisor.schema.decide import Gain
from advisor.schema.rule import Acceptance, Approach, GainBand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.rulebook.ordering import Order

DIGITS = 4
PROMPTED = "measured.prompted_score"
UNMEASURED: frozenset[Approach] = frozenset({"collect_data", "none"})
"""Approaches that no publication compares with others."""


def probability_acceptable(
    acceptance: Acceptance, approach: Approach, *, score: float, best: float
) -> float:
    """The chance that an approach of this score is acceptable, beside the best allowed score.

    The formula stands at `Acceptance`, its numbers in `rules/acceptance.yaml`.
    """
    logit = (
        acceptance.intercept
        + acceptance.per_point_behind * min(best - score, acceptance.most_behind)
        + acceptance.offsets.get(approach, 0.0)
    )
    return round(_logistic(logit), DIGITS)


def probabilities(acceptance: Acceptance | None, order: Order) -> dict[Approach, float]:
    """The chances that can be told of an order's approaches, 0 for a forbidden one.

    Nothing is told without a fit, of what was never measured (`collect_data`, `none`), of what a
    rule requires whatever its chances, and where nothing is recommended (but for the forbidden).
    Of those with more for than against them, nobody further down has the greater chance: neighbours
    that the curve puts the other way round share their mean.
    """
    if acceptance is None:
        return {}
    nothing = dict.fromkeys(order.forbidden, 0.0)
    if order.recommended is None:
        return nothing
    allowed = [approach for approach in order.ranked if approach not in order.forbidden]
    best = max((order.scores[approach] for approach in allowed), default=0.0)
    curve = {
        approach: probability_acceptable(
            acceptance, approach, score=order.scores[approach], best=best
        )
        for approach in allowed
        if approach not in UNMEASURED and approach != order.required
    }
    backed = [approach for approach in curve if order.scores[approach] > 0]
    pooled = dict(zip(backed, falling([curve[approach] for approach in backed]), strict=True))
    return nothing | curve | pooled


def falling(values: Sequence[float]) -> list[float]:
    """The nearest sequence that never rises (pooling adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] < total / count:
            above, members = pools.pop()
            total, count = total + above, count + members
        pools.append((total, count))
    return [round(total / count, DIGITS) for total, count in pools for _ in range(count)]


def expected_gain(bands: Sequence[GainBand], approach: Approach, facts: Facts) -> Gain | None:
    """The published gain of an approach for such facts: its first band whose condition holds.

    A band whose condition an unknown fact decides is passed over. No gain is larger than what the
    prompt's score leaves room for, nor a loss larger than that score, where it is known.
    """
    if approach in UNMEASURED:
        return None
    for band in bands:
        if band.approach == approach and holds(band.when, facts):
            least, most = _room(facts)
            low, likely, high = (
                min(max(points, least), most) for points in (band.low, band.likely, band.high)
            )
            return Gain(low=low, likely=likely, high=high, basis=_basis(band))
    return None


def _room(facts: Facts) -> tuple[float, float]:
    """How far a score can fall and rise from the best plain prompt's, in points of 100."""
    score = facts.get(PROMPTED)
    if score is None:
        return -100.0, 100.0
    points = round(100 * float(score), 2)
    return -points, round(100 - points, 2)


def _basis(band: GainBand) -> str:
    comparisons = "comparison" if band.comparisons == 1 else "comparisons"
    sources = "publication" if band.sources == 1 else "publications"
    return f"{band.comparisons} {comparisons} of {band.sources} {sources}"


def _logistic(logit: float) -> float:
    """1 / (1 + e^-x), without overflow at either end."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    power = math.exp(logit)
    return power / (1 + power)
