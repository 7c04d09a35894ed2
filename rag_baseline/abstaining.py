"""From which similarity on a question is likely to have an answer in the passages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

FEWEST = 5
"""Samples with and without an answer that are needed to tell them apart."""
LEAST_GAIN = 0.2
"""What a threshold must get right beyond chance: share above of one kind less that of the other."""


def dividing(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """The similarity that best parts the two kinds (Youden's J); None where none does.

    It lies midway between two neighbouring similarities.
    """
    if min(len(answerable), len(unanswerable)) < FEWEST:
        return None
    values = sorted({*answerable, *unanswerable})
    between = [(low + high) / 2 for low, high in pairwise(values)]
    if not between:
        return None

    def gain(threshold: float) -> float:
        return _above(answerable, threshold) - _above(unanswerable, threshold)

    best = max(between, key=gain)
    return best if gain(best) >= LEAST_GAIN else None


def _above(values: Sequence[float], threshold: float) -> float:
    return sum(value >= threshold for value in values) / len(values)
