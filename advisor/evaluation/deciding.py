"""How many samples would decide an open comparison: a gain shown, or one too small to matter."""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

from advisor.evaluation.detectable import POWER
from advisor.schema.evaluation import Comparison

MOST = 10_000_000
"""Samples beyond which it is said that none would do."""


def items_to_decide(comparison: Comparison, *, worthwhile: float, rivals: int = 1) -> int | None:
    """Samples at which a comparison like this one is decided in 4 of 5 repetitions.

    Decided is: the interval lies above 0 (and the p-value, multiplied by `rivals` for being one of
    several, is small enough), or its upper end lies below `worthwhile`. With d the difference,
    s^2 = n (width / 2z)^2 the variance of one sample and q = s^2 + d^2, it looks for the n at which
        Phi(((d - 1/n) sqrt(n) - z_rivals sqrt(q)) / s) + Phi(((worthwhile - d) sqrt(n) - z s) / s)
    reaches 4 of 5: both answers count, since either would decide. None beyond 10 million.
    """
    level, n = comparison.interval.level, comparison.n
    normal, d = NormalDist(), comparison.difference
    z = normal.inv_cdf(0.5 + level / 2)
    z_rivals = normal.inv_cdf(1 - (1 - level) / (2 * max(1, rivals)))
    s = sqrt(n) * (comparison.interval.high - comparison.interval.low) / (2 * z)
    if s <= 0:
        return None

    def decided(count: float) -> float:
        root = sqrt(count)
        shown = ((d - 1 / count) * root - z_rivals * sqrt(s * s + d * d)) / s
        too_small = ((worthwhile - d) * root - z * s) / s
        return normal.cdf(shown) + normal.cdf(too_small)

    low, high = float(n), 2.0 * n
    while decided(high) < POWER:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (middle, high) if decided(middle) < POWER else (low, middle)
    return ceil(high)
