"""From which similarity on a question is likely to have an answer in the passages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

FEWEST = 5
"""Samples with and without an answer that are needed to tell them apart."""
MOST_DOUBTED = 0.1
"""Share of the questions with an answer that may lie below the threshold."""
LEAST_GAIN = 0.2
"""What a threshold must be worth: share of questions without an answer that lie below it, less that
of those with one."""
CHANCE = 1.63
"""Kolmogorov and Smirnov's quantile: the best of all thresholds gains more once in 100 times where
the two kinds do not differ."""


def dividing(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """The similarity that best parts the two kinds; None where none does beyond chance.

    It lies midway between two neighbouring similarities, and no more than a tenth of the questions
    with an answer lies below it.
    """
    n, m = len(answerable), len(unanswerable)
    if min(n, m) < FEWEST:
        return None
    values = sorted({*answerable, *unanswerable})
    allowed = [
        threshold
        for threshold in ((low + high) / 2 for low, high in pairwise(values))
        if _below(answerable, threshold) <= MOST_DOUBTED
    ]

    def gain(threshold: float) -> float:
        return _below(unanswerable, threshold) - _below(answerable, threshold)

    best = max(allowed, key=gain, default=None)
    least = max(LEAST_GAIN, CHANCE * sqrt((n + m) / (n * m)))
    return best if best is not None and gain(best) >= min(least, 1) else None


def _below(values: Sequence[float], threshold: float) -> float:
    return sum(value < threshold for value in values) / len(values)
