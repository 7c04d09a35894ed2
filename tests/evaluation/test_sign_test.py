"""The number of pairs that settles a preference, held against the test that reads it."""

import pytest

from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.resampling import scipy_stats
from advisor.evaluation.sign_test import pairs_to_settle

LEVEL = 0.95


def power(share, pairs):
    """By the verdict's own test, outcome by outcome."""
    chance = scipy_stats().binom
    return sum(
        chance.pmf(wins, pairs, share)
        for wins in range(pairs // 2 + 1, pairs + 1)
        if exact_mcnemar(pairs - wins, wins) <= 1 - LEVEL + 1e-9
    )


@pytest.mark.parametrize(("ahead", "behind"), [(1, 0), (3, 0), (3, 1), (8, 4), (10, 6), (12, 8)])
def test_so_many_pairs_settle_it_in_four_of_five(ahead, behind):
    share, more = ahead / (ahead + behind), pairs_to_settle(ahead, behind, level=LEVEL)
    total = ahead + behind + more
    assert power(share, total) >= 0.8
    assert power(share, total + 1) >= 0.8
    assert power(share, total - 1) < 0.8


@pytest.mark.parametrize("won", [1, 2, 3, 4, 5])
def test_fewer_than_six_pairs_never_settle_anything(won):
    assert won + pairs_to_settle(won, 0, level=LEVEL) == 6


def test_nobody_ahead_is_settled_by_no_number_and_a_narrow_lead_by_many():
    assert pairs_to_settle(4, 4, level=LEVEL) is None
    assert pairs_to_settle(300, 290, level=LEVEL) == pytest.approx(26_730, rel=0.01)
