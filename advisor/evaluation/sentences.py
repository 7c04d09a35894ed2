"""What statistics say, in plain words."""

from __future__ import annotations

from advisor.render.safe import words
from advisor.schema.evaluation import Comparison

TOO_MANY = 100_000
"""Samples beyond which a number no longer helps anybody."""


def is_clear(comparison: Comparison) -> bool:
    """Whether chance hardly explains the difference: by its interval and its p-value."""
    low, high = comparison.interval.low, comparison.interval.high
    return (low > 0 or high < 0) and comparison.p_value <= 1 - comparison.interval.level + 1e-9


def comparison_sentence(comparison: Comparison) -> str:
    """Who is ahead, by how much, how sure that is, and what would show it where it is not."""
    first, second = words(comparison.a), words(comparison.b)
    low, high = comparison.interval.low, comparison.interval.high
    if comparison.difference > 0:
        first, second = second, first
    else:
        low, high = -high, -low
    span = f"{comparison.interval.level:.0%} interval {_points(low)} to {_points(high)}".replace(
        "%", " %"
    )
    n, ahead = comparison.n, 100 * abs(comparison.difference)
    if ahead < 0.05:
        return f"{first} and {second} score the same on {n} samples ({span} points)."
    if is_clear(comparison):
        return (
            f"{first} is {ahead:.1f} points ahead of {second} on {n} samples ({span}); chance "
            f"hardly explains that ({_p(comparison.p_value)})."
        )
    return (
        f"{first} is {ahead:.1f} points ahead of {second} on {n} samples, but chance may explain "
        f"it ({span}, {_p(comparison.p_value)}){_needed(comparison)}."
    )


def detectable_sentence(samples: int, gain: float) -> str:
    """What so many test samples can show, said before they are paid for."""
    return (
        f"With {samples} test samples a gain below {100 * gain:.1f} points would most likely not "
        "be seen."
    )


def _needed(comparison: Comparison) -> str:
    needed = comparison.items_needed
    if needed is None or needed <= comparison.n:
        return ""
    if needed > TOO_MANY:
        return f"; a difference this small would need more than {TOO_MANY:,} samples to show"
    return f"; about {needed:,} samples would show a difference of this size in 4 of 5 cases"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
