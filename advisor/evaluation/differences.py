"""Tests and intervals of differences between paired scores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt
from statistics import NormalDist, fmean
from typing import Any

from advisor.evaluation.detectable import POWER
from advisor.evaluation.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    LEVEL,
    bootstrap_interval,
    proportion_interval,
)
from advisor.evaluation.resampling import Values, bootstrap_of_sums, chunks, means, scipy_stats
from advisor.schema.base import ConfidenceInterval

FLIPS = 9999
SWAPS = 1999
TOLERANCE = 1e-12


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given (Scand. J. Statistics 6, 1979).

    The i-th smallest of m p-values is multiplied by m - i + 1, never below its predecessor.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [1.0] * len(p_values)
    floor = 0.0
    for rank, at in enumerate(order):
        floor = max(floor, min(1.0, p_values[at] * (len(p_values) - rank)))
        adjusted[at] = floor
    return adjusted


@lru_cache(maxsize=4096)
def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value: are samples that one alone got right evenly shared (SciPy's binomial)."""
    if only_a + only_b == 0:
        return 1.0
    return float(scipy_stats().binomtest(only_b, only_a + only_b, 0.5).pvalue)


def sign_flip(differences: Sequence[float], *, seed: int) -> float:
    """Two-sided p-value of the summed difference when every one may as well be reversed.

    9,999 seeded reversals, the observed one counted in, so that p is never 0 and never too small.
    For samples in groups: their sums, since the answers of one group are reversed together.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    values = np.asarray(differences, dtype=float)
    rng = np.random.default_rng(seed)
    reached = 0
    for size in chunks(FLIPS, width=len(values)):
        signs = 2.0 * rng.integers(0, 2, size=(size, len(values)), dtype=np.int8) - 1.0
        reached += int((np.abs(signs @ values) >= abs(values.sum()) - TOLERANCE).sum())
    return (reached + 1) / (FLIPS + 1)


def swap_test(ours: Any, theirs: Any, values: Values, *, seed: int) -> float:
    """Two-sided p-value of the difference of two values of summed totals.

    1,999 times the two systems' answers to each sample (or group) are swapped by chance
    (approximate randomisation); the observed assignment is counted in.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    rng = np.random.default_rng(seed)
    apart, total_a, total_b = theirs - ours, ours.sum(axis=0), theirs.sum(axis=0)
    observed = abs(float((values(total_b[None]) - values(total_a[None]))[0]))
    reached = 0
    for size in chunks(SWAPS, width=len(ours)):
        moved = rng.integers(0, 2, size=(size, len(ours)), dtype=np.int8) @ apart
        found = np.abs(values(total_b - moved) - values(total_a + moved))
        reached += int((found >= observed - TOLERANCE).sum())
    return (reached + 1) / (SWAPS + 1)


def paired_share_interval(
    a: Sequence[float], b: Sequence[float], *, level: float = LEVEL
) -> ConfidenceInterval:
    """Newcombe's score interval of share b minus share a on the same samples.

    With d = pb - pa, Wilson bounds (la, ua), (lb, ub) and the correlation phi of the two answers,
    reduced towards 0 by half a count where it is positive:
    low = d - sqrt((pb-lb)^2 - 2 phi (pb-lb)(ua-pa) + (ua-pa)^2), high likewise with the other ends.
    """
    n = len(a)
    pa, pb = fmean(a), fmean(b)
    wa = proportion_interval(round(sum(a)), n, level=level)
    wb = proportion_interval(round(sum(b)), n, level=level)
    phi = _correlation(a, b)
    down = _hypotenuse(pb - wb.low, wa.high - pa, phi)
    up = _hypotenuse(wb.high - pb, pa - wa.low, phi)
    difference = pb - pa
    return ConfidenceInterval(
        low=max(-1.0, difference - down), high=min(1.0, difference + up), level=level
    )


def mean_difference_interval(
    differences: Sequence[float], *, seed: int, level: float = LEVEL
) -> ConfidenceInterval:
    """Bootstrap (BCa) interval of the mean difference of independent samples.

    Where it can see no spread, room for one-sided surprises at the stated level; below 8 samples
    Student's interval where that is wider.
    """
    n = len(differences)
    if n < FEWEST_FOR_BOOTSTRAP or len(set(differences)) == 1:
        return _few([(difference, 1.0) for difference in differences], level=level)
    low, high = bootstrap_interval(differences, seed=seed, level=level)
    return _clipped(low, high, level)


def clustered_difference_interval(
    rows: Any, *, seed: int, level: float = LEVEL
) -> ConfidenceInterval:
    """Interval of the mean difference from groups: their summed differences and sample counts."""
    found = None
    if len(rows) >= FEWEST_FOR_BOOTSTRAP:
        found = bootstrap_of_sums(rows, means, seed=seed, level=level)
    return _few(rows.tolist(), level=level) if found is None else _clipped(*found, level)


def totals_difference_interval(
    ours: Any, theirs: Any, values: Values, *, seed: int, level: float = LEVEL
) -> ConfidenceInterval:
    """Paired bootstrap interval of the difference of two values of summed totals."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    width = ours.shape[1]

    def apart(rows: Any) -> Any:
        return values(rows[:, width:]) - values(rows[:, :width])

    both = np.hstack([ours, theirs])
    found = None
    if len(both) >= FEWEST_FOR_BOOTSTRAP:
        found = bootstrap_of_sums(both, apart, seed=seed, level=level)
    if found is None:
        middle = float(apart(both.sum(axis=0, keepdims=True))[0])
        return _few([(middle, 1.0)] * len(both), level=level)
    return _clipped(*found, level)


def items_needed(differences: Sequence[float], *, level: float = LEVEL) -> int | None:
    """Paired samples at which a difference like this one is seen in 4 of 5 repetitions.

    n = ((z_alpha/2 sqrt(q) + z_power sqrt(q - d^2)) / d)^2 with d the mean and q the mean square of
    the differences (for shares: Connor, Biometrics 43, 1987). None when the mean is not positive,
    since no number of samples would then be expected to show a gain.
    """
    d = fmean(differences)
    if d <= 0:
        return None
    q = fmean(x * x for x in differences)
    z_alpha = NormalDist().inv_cdf(0.5 + level / 2)
    z_power = NormalDist().inv_cdf(POWER)
    return ceil(((z_alpha * sqrt(q) + z_power * sqrt(max(0.0, q - d * d))) / d) ** 2)


def _few(rows: Sequence[Sequence[float]], *, level: float) -> ConfidenceInterval:
    """Where too little varies for a bootstrap: what n alone allows, or Student's where wider."""
    n = len(rows)
    count = sum(row[1] for row in rows)
    middle = sum(row[0] for row in rows) / count
    room = proportion_interval(0, n, level=level).high
    down, up = room * (1 + middle), room * (1 - middle)
    if n > 1:
        squares = sum((row[0] - middle * row[1]) ** 2 for row in rows)
        error = sqrt(n / (n - 1) * squares) / count
        student = float(scipy_stats().t.ppf((1 + level) / 2, n - 1)) * error
        down, up = max(down, student), max(up, student)
    return _clipped(middle - down, middle + up, level)


def _clipped(low: float, high: float, level: float) -> ConfidenceInterval:
    return ConfidenceInterval(low=max(-1.0, low), high=min(1.0, high), level=level)


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Phi of a two-by-two table with Newcombe's correction; 0 where a margin is empty."""
    n = len(a)
    both = sum(x == y == 1 for x, y in zip(a, b, strict=True))
    neither = sum(x == y == 0 for x, y in zip(a, b, strict=True))
    right_a, right_b = round(sum(a)), round(sum(b))
    margins = right_a * (n - right_a) * right_b * (n - right_b)
    if margins == 0:
        return 0.0
    product = float(both * neither - (right_a - both) * (right_b - both))
    if product > 0:
        product = max(product - n / 2, 0.0)
    return product / sqrt(margins)


def _hypotenuse(x: float, y: float, phi: float) -> float:
    return sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))
