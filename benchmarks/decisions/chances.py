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
RIDGE = 0.02
"""Pull of the weights of gap and score towards 0."""
RIDGE_OFFSET = 0.01
"""Pull of an approach's offset towards 0; approaches measured seldom stay near it."""


@dataclass(frozen=True)
class Seen:
    """Measured alternatives with the score that rules gave which had not seen their source."""

    behind: Array
    score: Array
    approach: NDArray[np.int64]
    is_acceptable: Array
    weight: Array


def calibrate(design: Design, tie: float) -> Acceptance:
    """The fit of chances on scores by left-out publications: five folds, weighed anew in each."""
    seen = _seen(design, tie)
    found = minimize(_loss, np.zeros(3 + len(COST_ORDER)), args=(seen,), method="L-BFGS-B")
    intercept, behind, score, *offsets = (round(float(value), 4) for value in found.x)
    measured = {int(number) for number in seen.approach}
    named: dict[Approach, float] = {
        approach: offset
        for number, (approach, offset) in enumerate(zip(COST_ORDER, offsets, strict=True))
        if number in measured
    }
    sources = len(set(design.sources.tolist()))
    return Acceptance(
        intercept=intercept,
        per_point_behind=behind,
        per_point=score,
        offsets=named,
        basis=(
            f"{len(seen.score) // 2} measured alternatives of {sources} publications, each scored by"
            " rules weighed without its own"
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
        behind=(scores.max(axis=1)[rows] - scores[rows, columns]),
        score=scores[rows, columns],
        approach=columns.astype(np.int64),
        is_acceptable=design.is_acceptable[rows, columns],
        weight=design.weight[rows] / design.is_measured.sum(axis=1)[rows],
    )


def _points(words: dict[Key, Strength], keys: tuple[Key, ...]) -> Array:
    return np.array([POINTS[words[key]] for key in keys])


def _loss(weights: Array, seen: Seen) -> float:
    """Weighted squared error of the chances (Brier), with ridges."""
    logit = weights[0] + weights[1] * seen.behind + weights[2] * seen.score
    logit = logit + weights[3:][seen.approach]
    chance = 1 / (1 + np.exp(-logit))
    brier = seen.weight @ (chance - seen.is_acceptable) ** 2
    ridge = RIDGE * (weights[1] ** 2 + weights[2] ** 2) + RIDGE_OFFSET * (weights[3:] @ weights[3:])
    return float(brier + ridge / 10)
