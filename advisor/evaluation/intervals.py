"""How sure a score is: intervals, and whether a target is cleared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import sqrt
from statistics import fmean
from typing import Any

from advisor.evaluation.resampling import (
    CELLS,
    Values,
    bootstrap_of_sums,
    by_totals,
    grouped,
    means,
    scipy_stats,
    totals_of,
)
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import ScoredSample

LEVEL = 0.9
RESAMPLES = 4999
FEWEST_FOR_BOOTSTRAP = 8

WILSON = "Wilson"
BOOTSTRAP = "bootstrap (BCa)"
TOTALS = "bootstrap of totals"


def score_interval(
    scores: Sequence[ScoredSample],
    *,
    is_binary: bool,
    clusters: Sequence[str] | None = None,
    value_of: Callable[[Mapping[str, float]], float] | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[float, ConfidenceInterval, str]:
    """Value of some scores, its interval, and in words how the interval was made.

    `clusters` names the document or group of each sample: samples that share one are no
    independent witnesses. An empty name stands for a group of its own; where all samples share a
    single group nothing can be said of others, and they count as independent within it.
    `value_of` is the metric's function of summed totals where the value is no mean of samples.
    """
    labels = shared_groups(clusters)
    if value_of is not None:
        return _totals_interval(scores, value_of, labels=labels, seed=seed, level=level)
    values = [score.value for score in scores]
    if labels is not None:
        return clustered_interval(values, labels, is_binary=is_binary, seed=seed, level=level)
    value, interval = mean_interval(values, is_binary=is_binary, seed=seed, level=level)
    if is_binary:
        return value, interval, WILSON
    return value, interval, BOOTSTRAP if _has_spread(values) else _at(len(values), "samples")


def shared_groups(clusters: Sequence[str] | None) -> Sequence[str] | None:
    """The labels where some samples share one and others do not; else None."""
    if clusters is None:
        return None
    counts = Counter(label for label in clusters if label)
    largest = max(counts.values(), default=0)
    return clusters if 1 < largest < len(clusters) else None


@lru_cache(maxsize=4096)
@lru_cache(maxsize=4096)
def proportion_interval(successes: int, n: int, *, level: float = LEVEL) -> ConfidenceInterval:
    """Wilson's score interval of a share (SciPy)."""
    found = scipy_stats().binomtest(successes, n).proportion_ci(level, method="wilson")
    return ConfidenceInterval(low=float(found.low), high=float(found.high), level=level)


def mean_interval(
    values: Sequence[float], *, is_binary: bool, seed: int = 0, level: float = LEVEL
) -> tuple[float, ConfidenceInterval]:
    """Mean of scores between 0 and 1, with its interval, from independent samples.

    Wilson's interval for scores of 0 or 1. Else the bias-corrected bootstrap (SciPy), clipped to 0
    and 1. Where the bootstrap cannot see any spread (all scores equal, or fewer than 8), Wilson's
    interval of the sum rounded outwards: no distribution on 0 to 1 with that mean spreads wider.
    """
    mean = fmean(values)
    total = sum(values)
    n = len(values)
    if is_binary:
        return mean, proportion_interval(round(total), n, level=level)
    if not _has_spread(values):
        low = proportion_interval(int(total), n, level=level).low
        high = proportion_interval(min(n, -int(-total // 1)), n, level=level).high
        return mean, ConfidenceInterval(low=low, high=high, level=level)
    low, high = bootstrap_interval(values, seed=seed, level=level)
    return mean, ConfidenceInterval(low=max(0.0, low), high=min(1.0, high), level=level)


def clustered_interval(
    values: Sequence[float],
    labels: Sequence[str],
    *,
    is_binary: bool,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[float, ConfidenceInterval, str]:
    """Mean of scores between 0 and 1 whose samples share groups, its interval, and how.

    Scores of 0 or 1: Wilson's interval at the effective number of samples, which is n divided by
    the design effect (linearised variance between groups over that of independent samples, at
    least 1; after Korn and Graubard, Survey Methodology 24, 1998), with Student's quantile for the
    number of groups. Other scores: bootstrap over whole groups; below 8 groups, Wilson's at the
    effective number of groups.
    """
    rows = _group_rows(values, labels)
    mean, groups = fmean(values), len(rows)
    if is_binary:
        effective = len(values) / design_effect(rows)
        quantile = float(scipy_stats().t.ppf((1 + level) / 2, groups - 1))
        interval = wilson_at(mean, effective, quantile=quantile, level=level)
        return mean, interval, f"{WILSON} with design effect over {groups} groups"
    found = None
    if groups >= FEWEST_FOR_BOOTSTRAP:
        found = bootstrap_of_sums(rows, means, seed=seed, level=level)
    if found is None:
        return mean, wilson_at(mean, _kish(rows), level=level), _at(groups, "groups")
    interval = _around(mean, found, level)
    return mean, interval, f"cluster bootstrap over {groups} groups"


def design_effect(rows: Any) -> float:
    """How many times the variance of independent samples the groups give a share; at least 1.

    `rows` hold the sum of scores and the number of samples of each group. Where all scores are
    equal nothing shows how alike a group's samples are, and they are taken for wholly alike.
    """
    n = float(rows[:, 1].sum())
    share = float(rows[:, 0].sum()) / n
    independent = share * (1 - share) / n
    if independent <= 0:
        return n / _kish(rows)
    groups = len(rows)
    residuals = rows[:, 0] - share * rows[:, 1]
    between = groups / (groups - 1) * float((residuals**2).sum()) / n**2
    return max(1.0, between / independent)


def alike_within_groups(values: Sequence[float], clusters: Sequence[str] | None) -> float:
    """How many times the variance of independent samples their mean has, by these scores.

    Divide a number of samples by it for as many independent ones; 1 where no samples share a
    group. The design effect of `design_effect`, for scores of any kind.
    """
    labels = shared_groups(clusters)
    if labels is None:
        return 1.0
    rows = _group_rows(values, labels)
    mean, groups = fmean(values), len(rows)
    single = sum((value - mean) ** 2 for value in values)
    if single <= 0:
        return len(values) / _kish(rows)
    between = groups / (groups - 1) * float(((rows[:, 0] - mean * rows[:, 1]) ** 2).sum())
    return max(1.0, between / single)


def wilson_at(
    share: float, n: float, *, level: float, quantile: float | None = None
) -> ConfidenceInterval:
    """Wilson's formula at a number of samples that need not be whole."""
    z = float(scipy_stats().norm.ppf((1 + level) / 2)) if quantile is None else quantile
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2) / (1 + z * z / n)
    return ConfidenceInterval(
        low=max(0.0, min(share, middle - half)),
        high=min(1.0, max(share, middle + half)),
        level=level,
    )


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
        batch=max(1, CELLS // len(values)),
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def meets(target: float, interval: ConfidenceInterval) -> bool:
    """Whether the lower bound clears the target, so that chance alone does not explain it."""
    return interval.low >= target


def _totals_interval(
    scores: Sequence[ScoredSample],
    value_of: Callable[[Mapping[str, float]], float],
    *,
    labels: Sequence[str] | None,
    seed: int,
    level: float,
) -> tuple[float, ConfidenceInterval, str]:
    """Value of summed totals, its bootstrap interval between 0 and 1, and how it was made."""
    totals = totals_of([score.totals for score in scores])
    values: Values = by_totals(value_of, totals.names)
    rows = grouped(totals.rows, labels)
    value = float(values(rows.sum(axis=0, keepdims=True))[0])
    found = None
    if len(rows) >= FEWEST_FOR_BOOTSTRAP:
        found = bootstrap_of_sums(rows, values, seed=seed, level=level)
    word = "samples" if labels is None else "groups"
    if found is None:
        return value, wilson_at(value, len(rows), level=level), _at(len(rows), word)
    interval = _around(value, found, level)
    how = TOTALS if labels is None else f"cluster {TOTALS} over {len(rows)} groups"
    return value, interval, how


def _around(value: float, found: tuple[float, float], level: float) -> ConfidenceInterval:
    """The interval between 0 and 1, with the value inside."""
    low, high = max(0.0, min(found[0], value)), min(1.0, max(found[1], value))
    return ConfidenceInterval(low=low, high=high, level=level)


def _group_rows(values: Sequence[float], labels: Sequence[str]) -> Any:
    """Sum of scores and number of samples of every group."""
    counted = [{"sum": value, "count": 1.0} for value in values]
    return grouped(totals_of(counted, ("sum", "count")).rows, labels)


def _kish(rows: Any) -> float:
    """Groups of equal size that would weigh as much as these (Kish)."""
    return float(rows[:, 1].sum() ** 2 / (rows[:, 1] ** 2).sum())


def _has_spread(values: Sequence[float]) -> bool:
    return len(values) >= FEWEST_FOR_BOOTSTRAP and len(set(values)) > 1


def _at(count: int, word: str) -> str:
    return f"{WILSON} at {count} {word}, too few or too alike for a bootstrap"
