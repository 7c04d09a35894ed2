"""How sure a mean score is: intervals, and whether a target is cleared."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from advisor.errors import MissingExtraError
from advisor.schema.base import ConfidenceInterval

LEVEL = 0.9
RESAMPLES = 4999
FEWEST_FOR_BOOTSTRAP = 8


def scipy_stats() -> Any:
    """SciPy's statistics. Raises MissingExtraError when SciPy is not installed."""
    try:
        from scipy import stats  # noqa: PLC0415 - heavy, wanted only when something was measured
    except ImportError as error:
        raise MissingExtraError("Evaluation", "eval") from error
    return stats


def proportion_interval(successes: int, n: int, *, level: float = LEVEL) -> ConfidenceInterval:
    """Wilson's score interval of a share (SciPy)."""
    found = scipy_stats().binomtest(successes, n).proportion_ci(level, method="wilson")
    return ConfidenceInterval(low=float(found.low), high=float(found.high), level=level)


def mean_interval(
    values: Sequence[float], *, is_binary: bool, seed: int = 0, level: float = LEVEL
) -> tuple[float, ConfidenceInterval]:
    """Mean of scores between 0 and 1, with its interval.

    Wilson's interval for scores of 0 or 1. Else the bias-corrected bootstrap (SciPy), clipped to 0
    and 1. Where the bootstrap cannot see any spread (all scores equal, or fewer than 8), Wilson's
    interval of the sum rounded outwards: no distribution on 0 to 1 with that mean spreads wider.
    """
    mean = fmean(values)
    total = sum(values)
    n = len(values)
    if is_binary:
        return mean, proportion_interval(round(total), n, level=level)
    if n < FEWEST_FOR_BOOTSTRAP or len(set(values)) == 1:
        low = proportion_interval(int(total), n, level=level).low
        high = proportion_interval(min(n, -int(-total // 1)), n, level=level).high
        return mean, ConfidenceInterval(low=low, high=high, level=level)
    low, high = bootstrap_interval(values, seed=seed, level=level)
    return mean, ConfidenceInterval(low=max(0.0, low), high=min(1.0, high), level=level)


def bootstrap_interval(
    values: Sequence[float], *, seed: int, level: float = LEVEL
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of the mean (SciPy), seeded."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    found = scipy_stats().bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def meets(target: float, interval: ConfidenceInterval) -> bool:
    """Whether the lower bound clears the target, so that chance alone does not explain it."""
    return interval.low >= target
