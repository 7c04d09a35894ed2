import random
import sys
from math import comb
from statistics import NormalDist, fmean

import pytest

from advisor.errors import MissingExtraError
from advisor.evaluation.intervals import (
    design_effect,
    mean_interval,
    meets,
    proportion_interval,
    score_interval,
)
from advisor.evaluation.resampling import grouped, totals_of
from advisor.schema.base import ConfidenceInterval
from tests.fixtures import values as make


def wilson(successes, n, level):
    """The formula as Wilson (1927) wrote it, as an oracle beside SciPy."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return middle - half, middle + half


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (166, 200), (1, 1)])
def test_a_share_has_wilsons_interval(successes, n):
    found = proportion_interval(successes, n, level=0.9)
    low, high = wilson(successes, n, 0.9)
    assert found.low == pytest.approx(max(0, low), abs=1e-9)
    assert found.high == pytest.approx(min(1, high), abs=1e-9)
    assert found.level == 0.9


def test_binary_scores_use_it():
    value, interval = mean_interval([1.0] * 150 + [0.0] * 50, is_binary=True)
    assert value == 0.75
    assert interval == proportion_interval(150, 200)


def test_the_bootstrap_agrees_with_the_normal_interval_where_that_is_right():
    draw = random.Random(1)
    values = [draw.uniform(0.2, 0.8) for _ in range(400)]
    value, interval = mean_interval(values, is_binary=False, seed=3)
    spread = (sum((v - value) ** 2 for v in values) / 399) ** 0.5
    half = 1.645 * spread / 400**0.5
    assert interval.low == pytest.approx(value - half, abs=0.004)
    assert interval.high == pytest.approx(value + half, abs=0.004)


def test_the_same_seed_gives_the_same_interval():
    values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.4, 0.3, 0.8, 1.0, 0.0]
    first = mean_interval(values, is_binary=False, seed=5)
    assert mean_interval(values, is_binary=False, seed=5) == first
    assert mean_interval(values, is_binary=False, seed=6) != first


@pytest.mark.parametrize("values", [[0.5] * 200, [1.0] * 30, [0.0] * 30, [0.3, 0.6]])
def test_no_visible_spread_is_not_certainty(values):
    value, interval = mean_interval(values, is_binary=False)
    assert 0 <= interval.low <= value <= interval.high <= 1
    assert interval.high - interval.low > 0.01


def test_a_target_is_met_when_the_lower_bound_clears_it():
    interval = ConfidenceInterval(low=0.6, high=0.7, level=0.9)
    assert meets(0.6, interval)
    assert not meets(0.61, interval)


def test_without_scipy_the_pip_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError) as caught:
        proportion_interval(1, 2)
    assert "finetune-advisor[eval]" in caught.value.hint


def covered(draw, truth, repetitions, is_binary):
    """Share of repetitions whose interval holds the true mean."""
    inside = 0
    for seed in range(repetitions):
        values = draw(random.Random(seed))
        _, interval = mean_interval(values, is_binary=is_binary, seed=seed)
        inside += interval.low <= truth <= interval.high
    return inside / repetitions


def binary_draw(share, n):
    return lambda draw: [float(draw.random() < share) for _ in range(n)]


@pytest.mark.parametrize(("share", "n"), [(0.5, 50), (0.05, 200), (0.9, 100)])
def test_the_interval_of_a_share_covers_the_truth_as_often_as_stated(share, n):
    assert covered(binary_draw(share, n), share, 300, is_binary=True) == pytest.approx(
        0.9, abs=0.06
    )


def beta_draw(a, b, n):
    return lambda draw: [draw.betavariate(a, b) for _ in range(n)]


def test_the_bootstrap_covers_the_truth_about_as_often_as_stated():
    assert covered(beta_draw(2, 5, 40), 2 / 7, 60, is_binary=False) == pytest.approx(0.9, abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b", "n"), [(2, 5, 30), (0.4, 0.4, 60), (5, 1, 200)])
def test_the_bootstrap_covers_the_truth_full_count(a, b, n):
    found = covered(beta_draw(a, b, n), a / (a + b), 300, is_binary=False)
    assert found == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("n", [50, 240])
def test_the_interval_of_a_share_covers_as_stated_on_average_over_shares(n):
    # Counted exactly, not simulated. For a single share the coverage steps up and down, because
    # successes are whole numbers (0.859 at a share of 0.9 of 100); the mean over shares must hold.
    intervals = [proportion_interval(k, n) for k in range(n + 1)]

    def coverage(share):
        return sum(
            comb(n, k) * share**k * (1 - share) ** (n - k)
            for k, found in enumerate(intervals)
            if found.low <= share <= found.high
        )

    exact = [coverage(number / 200) for number in range(4, 197)]
    assert fmean(exact) == pytest.approx(0.9, abs=0.01)
    assert min(exact) > 0.83


def scored(values, totals=None):
    totals = totals or [{}] * len(values)
    return [
        make.scored(number, value).model_copy(update={"totals": each})
        for number, (value, each) in enumerate(zip(values, totals, strict=True))
    ]


def test_scores_that_share_no_group_have_the_plain_intervals():
    shares = scored([1.0] * 30 + [0.0] * 10)
    graded = scored([0.1, 0.5, 0.2, 0.9, 0.4, 0.4, 0.3, 0.8, 1.0, 0.0])
    alone = [f"g{number}" for number in range(40)]
    assert score_interval(shares, is_binary=True, clusters=alone) == (
        0.75, proportion_interval(30, 40), "Wilson",
    )  # fmt: skip
    assert score_interval(shares, is_binary=True, clusters=["one"] * 40)[2] == "Wilson"
    assert score_interval(shares, is_binary=True, clusters=[""] * 40)[2] == "Wilson"
    assert score_interval(graded, is_binary=False)[1:] == (
        mean_interval([score.value for score in graded], is_binary=False)[1], "bootstrap (BCa)",
    )  # fmt: skip
    assert "too few or too alike" in score_interval(scored([0.2, 0.4]), is_binary=False)[2]


def test_samples_of_one_document_count_less_the_more_alike_they_are():
    labels = [f"d{number // 5}" for number in range(100)]
    alike = [float(number // 5 % 4 > 0) for number in range(100)]
    mixed = [float(number % 4 > 0) for number in range(100)]
    value, wide, how = score_interval(scored(alike), is_binary=True, clusters=labels)
    assert (value, how) == (0.75, "Wilson with design effect over 20 groups")
    narrow = score_interval(scored(mixed), is_binary=True, clusters=labels)[1]
    twenty = proportion_interval(15, 20)
    assert wide.high - wide.low == pytest.approx(twenty.high - twenty.low, abs=0.03)
    assert narrow.low == pytest.approx(proportion_interval(75, 100).low, abs=0.01)


def test_the_design_effect_is_that_of_statsmodels_cluster_robust_variance():
    api = pytest.importorskip("statsmodels.api")
    draw = random.Random(4)
    labels, values = [], []
    for group in range(30):
        share = draw.betavariate(2, 1)
        for _ in range(draw.randint(1, 9)):
            labels.append(f"g{group}")
            values.append(float(draw.random() < share))
    robust = api.OLS(values, [1.0] * len(values)).fit(
        cov_type="cluster",
        cov_kwds={"groups": [int(label[1:]) for label in labels], "use_correction": False},
    )
    share, n = fmean(values), len(values)
    expected = float(robust.cov_params()[0][0]) * 30 / 29 / (share * (1 - share) / n)
    rows = grouped(totals_of([{"s": v, "n": 1.0} for v in values]).rows, labels)
    assert design_effect(rows) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[1.0] * 40, [0.0] * 40, [0.5] * 40])
def test_equal_scores_of_few_documents_are_not_certainty(values):
    labels = [f"d{number // 10}" for number in range(40)]
    is_binary = values[0] != 0.5
    value, interval, _ = score_interval(scored(values), is_binary=is_binary, clusters=labels)
    assert 0 <= interval.low <= value <= interval.high <= 1
    assert interval.high - interval.low > 0.3


def f1(totals):
    right = 2 * totals["tp"]
    return right / (right + totals.get("fp", 0) + totals.get("fn", 0))


def test_a_value_of_summed_totals_is_drawn_again_as_a_whole():
    totals = [{"tp": 1.0}] * 60 + [{"fp": 1.0, "fn": 1.0}] * 20 + [{}] * 20
    value, interval, how = score_interval(
        scored([0.0] * 100, totals), is_binary=False, value_of=f1, seed=1
    )
    assert (value, how) == (0.75, "bootstrap of totals")
    share = proportion_interval(60, 80)
    assert interval.low == pytest.approx(share.low, abs=0.02)
    assert interval.high == pytest.approx(share.high, abs=0.02)
    labels = [f"d{number // 10}" for number in range(100)]
    _, wider, how = score_interval(
        scored([0.0] * 100, totals), is_binary=False, value_of=f1, clusters=labels
    )
    assert how == "cluster bootstrap of totals over 10 groups"
    assert wider.low < interval.low - 0.05


def clustered_coverage(groups, size, correlation, *, is_binary, repetitions):
    """Share of repetitions whose interval holds the truth of 0.7, with groups that hang together."""
    inside = 0
    for seed in range(repetitions):
        draw = random.Random(seed)
        values, labels = [], []
        for group in range(groups):
            spread = (1 - correlation) / correlation
            share = draw.betavariate(0.7 * spread, 0.3 * spread)
            for _ in range(size):
                graded = share + draw.uniform(-1, 1) * min(share, 1 - share)
                values.append(float(draw.random() < share) if is_binary else graded)
                labels.append(f"g{group}")
        _, interval, _ = score_interval(
            scored(values), is_binary=is_binary, clusters=labels, seed=seed
        )
        inside += interval.low <= 0.7 <= interval.high
    return inside / repetitions


@pytest.mark.parametrize(("is_binary", "repetitions"), [(True, 120), (False, 60)])
def test_a_clustered_interval_covers_the_truth_about_as_often_as_stated(is_binary, repetitions):
    found = clustered_coverage(15, 6, 0.2, is_binary=is_binary, repetitions=repetitions)
    assert found == pytest.approx(0.9, abs=0.09)


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "size", "correlation"), [(8, 20, 0.1), (40, 5, 0.3)])
def test_a_clustered_interval_covers_the_truth_full_count(groups, size, correlation):
    for is_binary in (True, False):
        found = clustered_coverage(groups, size, correlation, is_binary=is_binary, repetitions=500)
        assert found == pytest.approx(0.9, abs=0.05)
