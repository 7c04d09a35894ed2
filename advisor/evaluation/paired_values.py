"""Two values of each item: how far apart, how sure, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.evaluation.differences import (
    clustered_difference_interval,
    exact_mcnemar,
    mean_difference_interval,
    paired_share_interval,
    sign_flip,
)
from advisor.evaluation.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    bootstrap_interval,
    shared_groups,
)
from advisor.evaluation.resampling import bootstrap_of_sums, grouped, means, scipy_stats, totals_of
from advisor.schema.base import ConfidenceInterval

SPREAD = 1e-9
"""Differences closer together than this are one and the same: nothing is drawn from them."""


class Tested(NamedTuple):
    """What a paired test says."""

    interval: ConfidenceInterval
    p_value: float


def tested_values(
    a: Sequence[float], b: Sequence[float], labels: Sequence[str], *, is_share: bool, seed: int
) -> Tested:
    """How far b lies above a on the mean, paired: 95 % interval and two-sided p-value.

    Shares of 0 and 1 (or of 0 and -1): exact McNemar test and Newcombe's interval. Other values:
    sign flips and the bootstrap, unbounded where the values are no shares. Items with one label
    (empty: a label of its own) are flipped and drawn together.
    """
    differences = [y - x for x, y in zip(a, b, strict=True)]
    shared = shared_groups(labels)
    if shared is not None:
        counted = [{"sum": difference, "count": 1.0} for difference in differences]
        rows = grouped(totals_of(counted, ("sum", "count")).rows, shared)
        p_value = sign_flip(rows[:, 0].tolist(), seed=seed)
        if is_share:
            return Tested(
                clustered_difference_interval(rows, seed=seed, level=PROOF_LEVEL), p_value
            )
        found = bootstrap_of_sums(rows, means, seed=seed, level=PROOF_LEVEL)
        return Tested(_open(found, differences), p_value)
    if is_share and {abs(value) for value in (*a, *b)} <= {0.0, 1.0}:
        worse, better = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
        return Tested(_shares(a, b), exact_mcnemar(better, worse))
    p_value = sign_flip(differences, seed=seed)
    if is_share:
        return Tested(mean_difference_interval(differences, seed=seed, level=PROOF_LEVEL), p_value)
    is_spread = max(differences) - min(differences) > SPREAD
    is_spread = is_spread and len(differences) >= FEWEST_FOR_BOOTSTRAP
    drawn = bootstrap_interval(differences, seed=seed, level=PROOF_LEVEL) if is_spread else None
    return Tested(_open(drawn, differences), p_value)


def _shares(a: Sequence[float], b: Sequence[float]) -> ConfidenceInterval:
    """Interval of share b minus share a; both may stand with a minus, where higher is better."""
    if min(*a, *b) < 0:
        return paired_share_interval([-y for y in b], [-x for x in a], level=PROOF_LEVEL)
    return paired_share_interval(a, b, level=PROOF_LEVEL)


def _open(found: tuple[float, float] | None, differences: Sequence[float]) -> ConfidenceInterval:
    """An interval with no bounds of its own; Student's where there is nothing to draw from."""
    if found is None:
        n, middle = len(differences), fmean(differences)
        squares = sum((x - middle) ** 2 for x in differences)
        error = (squares / max(n - 1, 1) / n) ** 0.5
        reach = float(scipy_stats().t.ppf((1 + PROOF_LEVEL) / 2, max(n - 1, 1))) * error
        found = (middle - reach, middle + reach)
    return ConfidenceInterval(low=found[0], high=found[1], level=PROOF_LEVEL)
