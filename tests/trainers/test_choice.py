"""Which look is the best, and when to stop looking."""

from __future__ import annotations

import pytest

from advisor.schema.train import DevPoint
from trainers.engines.trl.choice import Choice, has_not_moved, look_steps


def points(*values: tuple[float | None, float | None]) -> list[DevPoint]:
    return [
        DevPoint(step=10 * at, loss=loss, score=score) for at, (loss, score) in enumerate(values)
    ]


LOOKS = points((3.0, 0.0), (1.0, 0.4), (0.8, 0.6), (0.9, 0.9), (0.7, 0.9), (0.95, 0.9))


def test_the_lowest_loss_is_not_the_best_metric():
    assert Choice("metric", "accuracy").kept(LOOKS[:4], 50) == (
        30,
        "best accuracy on the dev split (0.900) of 3 looks",
    )
    assert Choice("loss").kept(LOOKS[:4], 50) == (20, "lowest dev loss (0.800) of 3 looks")
    assert Choice("last").kept(LOOKS, 50) == (50, "the last step, as the plan says")


def test_a_reward_with_its_sign_turned_is_named_as_what_it_is():
    looks = points((-0.1, None), (-0.4, None), (-0.52, None))
    assert Choice("loss", is_reward=True).kept(looks, 30) == (
        20,
        "highest reward on the dev split (0.520) of 2 looks",
    )


def test_equal_scores_are_told_apart_by_the_loss_and_equal_losses_by_the_step():
    assert Choice("metric").best(LOOKS) == LOOKS[4]
    same = points((3.0, 0.0), (1.0, 0.5), (1.0, 0.5))
    assert Choice("metric").best(same) == same[1]
    assert Choice("loss").best(same) == same[1]


def test_a_metric_that_is_better_when_low():
    assert Choice("metric", higher_is_better=False).best(LOOKS) == LOOKS[1]


def test_without_a_metric_the_loss_decides_and_without_a_loss_the_last_step():
    assert Choice("metric").best(points((3.0, None), (2.0, None), (2.5, None))).step == 10
    assert Choice("metric").kept(points((None, None)), 7)[0] == 7
    seen = points((2.0, 0.5), (None, None))  # before training and after
    assert "nothing could be compared" in Choice("metric").kept(seen, 7)[1]
    assert "the plan asks for no looks" in Choice("metric").kept(seen[:1], 7)[1]


def test_a_loss_that_is_no_number_is_never_the_best():
    assert Choice("loss").best(points((3.0, None), (float("nan"), None), (2.5, None))).step == 20


def test_what_was_before_training_is_never_kept():
    assert Choice("loss").best(points((1.0, None), (2.0, None))).step == 10


def test_stale_counts_the_looks_since_the_best():
    assert Choice("metric").stale(LOOKS) == 1
    assert Choice("loss").stale(LOOKS[:4]) == 1
    assert Choice("loss").stale([]) == 0


@pytest.mark.parametrize(
    ("total", "looks", "every", "expected"),
    [
        (12, 4, None, {3, 6, 9, 12}),
        (3, 8, None, {1, 2, 3}),
        (10, 3, None, {3, 7, 10}),
        (10, 0, 4, {4, 8, 10}),
        (10, 0, 5, {5, 10}),
        (3, 0, 50, {3}),
    ],
)
def test_looks_are_spread_evenly_and_the_last_is_at_the_end(total, looks, every, expected):
    assert look_steps(total, looks, every) == expected


def test_a_loss_that_stands_still_is_seen():
    still = points((3.0, None), (3.001, None), (2.999, None), (3.002, None))
    assert has_not_moved(still)
    assert not has_not_moved(still[:3])
    assert not has_not_moved(points((3.0, None), (3.0, None), (3.0, None), (2.9, None)))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_loss_of_either_sign_may_stand_still(sign):
    assert has_not_moved(points(*((sign * loss, None) for loss in (3.0, 3.001, 2.999, 3.002))))
    assert not has_not_moved(points(*((sign * loss, None) for loss in (3.0, 3.0, 3.0, 2.9))))
