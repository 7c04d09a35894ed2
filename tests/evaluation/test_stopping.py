import random
from math import log
from statistics import fmean, median

import pytest

from advisor.errors import PluginContractError
from advisor.evaluation.betting import stake
from advisor.evaluation.intervals import proportion_interval
from advisor.evaluation.stopping import (
    TARGET_MIXTURE,
    at_the_end,
    fair_order,
    last_level,
    watch_difference,
    watch_target,
)
from advisor.schema.base import ConfidenceInterval


def binary(truth):
    return lambda draw: float(draw.random() < truth)


def graded(truth):
    return lambda draw: truth + draw.uniform(-1, 1) * min(truth, 1 - truth)


def run(watch, score, draw):
    """Adds scores until the question is decided or nothing is left to ask."""
    while watch.decision == "undecided" and watch.items < watch.planned:
        watch.add(score(draw))
    return watch


def test_without_a_score_nothing_is_known():
    watch = watch_target(0.7, planned=10)
    assert watch.decision == "undecided"
    assert (watch.interval.low, watch.interval.high) == (0, 1)
    assert watch.interval.level == pytest.approx(0.9)
    assert watch.p_value == 1


def test_the_wealth_is_the_mixture_of_likelihood_ratios():
    watch = watch_target(0.5, planned=100)
    for _ in range(5):
        watch.add(1.0)
    expected = sum(w * ((0.5 + d) / 0.5) ** 5 for d, w in TARGET_MIXTURE)
    assert watch.p_value == pytest.approx(min(1.0, 4 / expected))
    assert expected < 40
    assert watch.decision == "undecided"
    while watch.decision == "undecided":
        watch.add(1.0)
    assert watch.items == next(
        n for n in range(1, 99)
        if log(sum(w * ((0.5 + d) / 0.5) ** n for d, w in TARGET_MIXTURE)) >= log(40)
    )  # fmt: skip


@pytest.mark.parametrize("middle", [0.02, 0.3, 0.5, 0.95, 0.999])
def test_no_stake_can_lose_everything(middle):
    for distance, _ in TARGET_MIXTURE:
        assert 1 + stake(middle, distance) * (0 - middle) >= 0.1 - 1e-9
        assert 1 + stake(middle, distance) * (1 - middle) > 1


def test_a_decision_stands_and_its_interval_leaves_the_target_out():
    draw = random.Random(3)
    for target, truth, answer in [(0.5, 0.7, "above"), (0.8, 0.5, "below")]:
        watch = run(watch_target(target, planned=500), binary(truth), draw)
        assert watch.decision == answer
        for _ in range(8):
            watch.add(float(answer == "below"))
        assert watch.decision == answer
        found = watch.interval
        assert found.low >= target - 1e-6 if answer == "above" else found.high <= target + 1e-6


def test_the_record_says_what_was_used_and_saved():
    watch = run(watch_target(0.5, planned=200), binary(0.9), random.Random(1))
    found = watch.stopping("Is the score above 50 %?", saved_usd=1.5)
    assert found.question == "Is the score above 50 %?"
    assert (found.decision, found.against, found.error_rate) == ("above", 0.5, 0.05)
    assert found.items_used == watch.items < 40
    assert found.saved_share == 1 - watch.items / 200
    assert found.interval == watch.interval
    assert found.saved_usd == 1.5


def test_targets_at_the_ends_are_decided_by_one_score():
    perfect = watch_target(1.0, planned=10)
    perfect.add(1.0)
    assert perfect.decision == "undecided"
    perfect.add(0.5)
    assert perfect.decision == "below"
    nothing = watch_target(0.0, planned=10)
    nothing.add(0.0)
    assert nothing.decision == "undecided"
    nothing.add(0.1)
    assert nothing.decision == "above"


@pytest.mark.parametrize("score", [-0.1, 1.2, float("nan")])
def test_a_score_out_of_range_is_refused(score):
    with pytest.raises(PluginContractError, match="outside of 0 to 1"):
        watch_target(0.5, planned=3).add(score)


def test_a_difference_is_watched_against_nothing():
    draw = random.Random(5)

    def better(draw):
        return 0.0 if draw.random() < 0.8 else 1.0 if draw.random() < 0.9 else -1.0

    watch = run(watch_difference(planned=500), better, draw)
    assert watch.decision == "above"
    assert -1 <= 0 - 1e-6 <= watch.interval.low < watch.interval.high <= 1
    assert watch.p_value <= 0.1
    other = run(watch_difference(planned=500), lambda draw: -better(draw), draw)
    assert other.decision == "below"


def test_items_of_one_group_are_one_observation():
    labels = [f"g{at // 5}" for at in range(100)]
    alike = watch_target(0.5, planned=100, groups=labels)
    for _ in range(12):
        alike.add(1.0)
    assert alike.p_value > 0.2
    single = watch_target(0.5, planned=100)
    for _ in range(12):
        single.add(1.0)
    assert single.decision == "above"
    assert single.p_value < alike.p_value


def test_a_group_counts_when_its_last_item_has_come():
    split = watch_target(0.5, planned=4, groups=["a", "b", "a", ""])
    split.add(1.0)
    assert split.interval.low == 0
    split.add(1.0)
    started = split.interval.low
    assert started > 0
    split.add(1.0)
    assert split.interval.low > started


def test_a_fair_order_keeps_groups_together_and_mixes_the_rest():
    labels = ["x", "", "y", "x", "", "y", "x"]
    order = fair_order(labels, seed=4)
    assert sorted(order) == list(range(7))
    places = [order.index(at) for at in (0, 3, 6)]
    assert max(places) - min(places) == 2
    assert fair_order(labels, seed=4) == order
    assert len({tuple(fair_order(labels, seed=seed)) for seed in range(20)}) > 5
    ordered = [float(at >= 200) for at in range(400)]
    start = fair_order([""] * 400, seed=0)[:100]
    assert fmean(ordered[at] for at in start) == pytest.approx(0.5, abs=0.15)


def decisions(target, score, repetitions, planned=500):
    """Share of runs decided above, below, and the median of items used."""
    runs = [
        run(watch_target(target, planned=planned), score, random.Random(seed))
        for seed in range(repetitions)
    ]
    above = sum(watch.decision == "above" for watch in runs) / repetitions
    below = sum(watch.decision == "below" for watch in runs) / repetitions
    return above, below, median(watch.items for watch in runs)


@pytest.mark.parametrize("kind", [binary, graded])
def test_ten_points_from_the_target_are_seen_before_half_of_the_items(kind):
    for target, truth in [(0.6, 0.7), (0.8, 0.7)]:
        above, below, items = decisions(target, kind(truth), 60)
        right, wrong = (above, below) if truth > target else (below, above)
        assert right > 0.9
        assert wrong <= 0.05
        assert items <= 0.45 * 500


def test_at_the_target_a_decision_is_rare_however_often_one_looks():
    above, below, items = decisions(0.7, binary(0.6999), 120, planned=300)
    assert above <= 0.05 + 0.045
    assert below <= 0.05 + 0.045
    assert items == 300


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("kind", [binary, graded])
def test_wrong_decisions_keep_their_rate_full_count(target, kind):
    above, below, _ = decisions(target, kind(target), 1000)
    assert above <= 0.05 + 0.014
    assert below <= 0.05 + 0.014


def test_the_sequence_of_intervals_holds_the_truth_at_every_look():
    missed = 0
    for seed in range(60):
        draw, watch = random.Random(seed), watch_target(0.5, planned=40)
        low, high = 0.0, 1.0
        for number in range(40):
            watch.add(float(draw.random() < 0.65))
            if number % 10 == 9:
                low, high = max(low, watch.interval.low), min(high, watch.interval.high)
        missed += not low <= 0.65 <= high
    assert missed / 60 <= 0.1 + 0.08


def test_half_of_the_error_is_kept_for_the_last_look():
    watch = watch_target(0.7, planned=4)
    assert last_level(0.05) == pytest.approx(0.95)
    for _ in range(4):
        watch.add(1.0)
    seen = watch.stopping("?")
    assert seen.decision == "undecided"

    def concluded(low, high):
        return at_the_end(seen, ConfidenceInterval(low=low, high=high, level=last_level(0.05)))

    assert concluded(0.71, 0.9).decision == "above"
    assert concluded(0.7, 0.9).decision == "above"
    assert concluded(0.5, 0.69).decision == "below"
    assert concluded(0.6, 0.8).decision == "undecided"
    assert concluded(0.6, 0.8).interval == ConfidenceInterval(low=0.6, high=0.8, level=0.9)


def test_watch_and_last_look_together_keep_the_error_rate():
    wrong = 0
    for seed in range(150):
        watch = run(watch_target(0.7, planned=200), binary(0.6999), random.Random(seed))
        found = watch.stopping("?")
        if found.decision == "undecided":
            total = sum(score for score, _ in watch._seen)
            last = proportion_interval(round(total), 200, level=last_level(0.05))
            found = at_the_end(found, last)
        wrong += found.decision == "above"
    assert wrong / 150 <= 0.05 + 0.04
