"""How many decided pairs an exact sign test needs before a preference like this one shows."""

from __future__ import annotations

from math import ceil

from advisor.evaluation.detectable import POWER
from advisor.evaluation.differences import items_needed
from advisor.evaluation.resampling import scipy_stats

REACH = 4000
"""Decided pairs up to which the power is reckoned exactly; above, a formula comes within 1 %."""


def pairs_to_settle(ahead: int, behind: int, *, level: float) -> int | None:
    """Further decided pairs, of the same share, at which the test is clear in 4 of 5 repetitions.

    The power is that of the two-sided exact test (SciPy's binomial). It goes up and down with n, so
    the first n counts from which it stays. None where neither side is ahead.
    """
    at_hand = ahead + behind
    if ahead <= behind:
        return None
    needed = items_needed([1.0] * ahead + [-1.0] * behind, level=level)
    if needed is None:
        return None
    if needed <= REACH:
        needed = _exact(ahead / at_hand, at_hand, level=level, most=ceil(1.5 * needed) + 40)
    return max(1, needed - at_hand)


def _exact(share: float, at_hand: int, *, level: float, most: int) -> int:
    """The first number of pairs beyond those at hand from which the power stays at 4 of 5."""
    powers = _powers(share, most, level=level)
    first = most
    while first - 1 > at_hand and powers[first - 1] >= POWER:
        first -= 1
    return first


def _powers(share: float, most: int, *, level: float) -> list[float]:
    """The power at 0, 1, ... pairs: the chance of as many wins as the test asks for."""
    binomial = scipy_stats().binom
    counts = list(range(most))
    tail = (1 - level) / 2
    # the fewest wins whose upper tail is at most half of what the level leaves
    wins = [int(count) + 1 for count in binomial.isf(tail + 1e-12, counts, 0.5)]
    found = binomial.sf([won - 1 for won in wins], counts, share)
    return [float(power) for power in found]
