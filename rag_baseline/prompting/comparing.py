"""Whether another way does better on the same samples by more than chance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import fmean
from typing import TypeVar

MAY_BE_CHANCE = 0.1
"""Chance, at most, that a sweep changes anything where nothing that it tries is any better."""

Key = TypeVar("Key", str, int)


def best(values: Mapping[Key, Sequence[float]], begun: Key, *, tried: int) -> Key:
    """The key with the highest mean of those that beat the one to begin with; else that one.

    `tried`: ways that the whole sweep compares with what it begins with.
    """
    better = [
        key for key in values if key != begun and is_better(values[key], values[begun], tried)
    ]
    return max(better, key=lambda key: fmean(values[key]), default=begun)


def is_better(values: Sequence[float], than: Sequence[float], tried: int = 1) -> bool:
    """Whether paired values are higher by more than chance explains, this way being one of so many.

    They must be higher on average, and more often than a fair coin would have it (`chance`).
    """
    if not values or fmean(values) <= fmean(than):
        return False
    return chance(values, than) <= MAY_BE_CHANCE / max(1, tried)


def chance(values: Sequence[float], than: Sequence[float]) -> float:
    """Chance of so many higher ones or more among those that differ, were either as likely.

    One-sided sign test, exact; for right and wrong answers that is McNemar's.
    """
    pairs = list(zip(values, than, strict=True))
    higher = sum(one > other for one, other in pairs)
    differ = sum(one != other for one, other in pairs)
    return float(sum(comb(differ, k) for k in range(higher, differ + 1)) / 2**differ)
