"""How a sum of reasons becomes a chance of being acceptable, calibrated on published outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from advisor.rulebook.ordering import COST_ORDER
from advisor.schema.rule import Acceptance, Approach, Strength
from benchmarks.decisions.design import Array, Design, Key
from benchmarks.decisions.weigh import POINTS, words_for

FOLDS = 5
RIDGE = 0.002
"""Pull of the weight of the gap towards 0."""
RIDGE_OFFSET = 0.001
"""Pull of an approach's offset towards 0."""
FEWEST_SOURCES = 4
"""Publications that must have measured an approach before it gets an offset of its own."""
MOST_BEHIND = 6.0
"""Points behind the best beyond which a gap says no more."""


@dataclass(frozen=True)
class Seen:
    """Measured alternatives with the score that rules gave which had not seen their source."""

    behind: Array
    """Points behind the best score, capped."""
    approach: NDArray[np.int64]
    is_acceptable: Array
    weight: Array
    has_offset: NDArray[np.bool_]
    """Per approach: enough publications measured it."""


def calibrate(design: Design, tie: float) -> Acceptance:
    """The fit of chances on scores by left-out publications: five folds, weighed anew in each."""
    seen = _seen(design, tie)
    found = minimize(_loss, np.zeros(2 + len(COST_ORDER)), args=(seen,), method="L-BFGS-B")
    intercept, behind, *offsets = (round(float(value), 4) for value in found.x)
    named: dict[Approach, float] = {
        approach: offset
        for number, (approach, offset) in enumerate(zip(COST_ORDER, offsets, strict=True))
        if seen.has_offset[number]
    }
    sources = len(set(design.sources.tolist()))
    return Acceptance(
        intercept=intercept,
        per_point_behind=behind,
        most_behind=MOST_BEHIND,
        offsets=named,
        basis=(
            f"{len(seen.behind) // 2} measured alternatives of {sources} publications, each scored"
            " by rules weighed without its own"
        ),
        fitted=datetime.now(UTC).date().isoformat(),
    )


def _seen(design: Design, tie: float) -> Seen:
    """Every measured alternative, scored by the fold that left its publication out."""
    names = sorted(set(design.sources.tolist()))
    scores = np.zeros_like(design.fixed)
    for fold in range(FOLDS):
        held = set(names[fold::FOLDS])
        points = _points(words_for(design.without(held), tie), design.keys)
        rows = np.isin(design.sources, sorted(held))
        scores[rows] = design.scores(points)[rows]
    rows, columns = np.nonzero(design.is_measured)
    return Seen(
        behind=np.minimum(scores.max(axis=1)[rows] - scores[rows, columns], MOST_BEHIND),
        approach=columns.astype(np.int64),
        is_acceptable=design.is_acceptable[rows, columns],
        weight=design.weight[rows] / design.is_measured.sum(axis=1)[rows],
        has_offset=np.array(
            [
                len(set(design.sources[design.is_measured[:, number]].tolist())) >= FEWEST_SOURCES
                for number in range(len(COST_ORDER))
            ]
        ),
    )


def _points(words: dict[Key, Strength], keys: tuple[Key, ...]) -> Array:
    return np.array([POINTS[words[key]] for key in keys])


def _loss(weights: Array, seen: Seen) -> float:
    """Weighted squared error of the chances (Brier), with ridges."""
    offsets = np.where(seen.has_offset, weights[2:], 0.0)
    logit = weights[0] + weights[1] * seen.behind + offsets[seen.approach]
    chance = 1 / (1 + np.exp(-logit))
    brier = seen.weight @ (chance - seen.is_acceptable) ** 2
    ridge = RIDGE * weights[1] ** 2 + RIDGE_OFFSET * (weights[2:] @ weights[2:])
    return float(brier + ridge)
