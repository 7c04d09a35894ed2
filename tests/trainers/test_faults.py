"""Broken runs are told from rough ones by their losses and gradient norms."""

from __future__ import annotations

import math
import random

import pytest

from advisor.errors import (
    DivergedError,
    ExplodingGradientError,
    NonFiniteLossError,
    NothingToLearnError,
)
from tests.fixtures.training import training_plan
from trainers.engines.trl.faults import FaultWatch


def watching(**changes) -> FaultWatch:
    return FaultWatch(training_plan("m", **changes))


def feed(watch: FaultWatch, losses, norms=None) -> None:
    for at, loss in enumerate(losses, 1):
        watch.see(at, loss, 1.0 if norms is None else norms[at - 1])


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number(loss: float):
    with pytest.raises(NonFiniteLossError, match=f"The loss is {loss} at step 3") as told:
        feed(watching(learning_rate=0.3), [2.0, 1.9, loss])
    assert "learning_rate (0.3" in told.value.hint


def test_in_float16_the_precision_is_named():
    with pytest.raises(NonFiniteLossError) as told:
        feed(watching(precision="float16"), [math.nan])
    assert "bfloat16" in told.value.hint


def test_a_loss_that_rises_far_above_where_it_began():
    with pytest.raises(DivergedError, match=r"rose from 2 to 10 by step 7: training diverges") as t:
        feed(watching(learning_rate=10.0), [2.0, *[10] * 6])
    assert t.value.hint.startswith("Lower learning_rate (10; try 1)")


def test_one_bad_batch_is_no_fault():
    feed(watching(), [2.0, 2.1, 25.0, 2.0, 1.9, 1.8, 18.0, 1.7, 1.6])


def test_a_dev_loss_that_rises_with_the_training_loss():
    watch = watching()
    watch.see_look(0, 2.0)
    feed(watch, [2.0, 3.0, 4.0, 5.0, 6.0])
    with pytest.raises(DivergedError, match=r"dev loss rose from 2 to 4\.5"):
        watch.see_look(5, 4.5)


def test_over_fitting_is_no_fault():
    watch = watching()
    watch.see_look(0, 2.0)
    feed(watch, [2.0, 1.0, 0.5, 0.1, 0.01])
    watch.see_look(5, 9.0)


def test_norms_far_above_what_was_usual_several_times_in_a_row():
    norms = [1.0] * 12 + [80.0] * 5
    with pytest.raises(ExplodingGradientError, match=r"80 at step 17, 80 times"):
        feed(watching(), [2.0] * 17, norms)
    feed(watching(), [2.0] * 18, [1.0] * 12 + [500.0] * 4 + [1.0] * 2)


def test_an_infinite_norm_is_a_fault_at_once_but_not_while_a_scale_is_sought():
    with pytest.raises(ExplodingGradientError, match="is inf at step 1"):
        feed(watching(), [2.0], [math.inf])
    feed(watching(precision="float16"), [2.0] * 10, [math.inf] * 9 + [1.0])
    with pytest.raises(ExplodingGradientError):
        feed(watching(precision="float16"), [2.0] * 25, [math.inf] * 25)


def test_nothing_counts_in_the_loss():
    with pytest.raises(NothingToLearnError, match="exactly 0 in the first 3 steps") as told:
        feed(watching(), [0.0] * 3, [0.0] * 3)
    assert "sequence_length 128" in told.value.hint
    with pytest.raises(NothingToLearnError) as told:
        feed(watching(objective="grpo"), [0.0] * 3, [0.0] * 3)
    assert "same reward" in told.value.hint


def test_a_loss_of_zero_with_a_gradient_or_later_on_is_no_fault():
    feed(watching(objective="grpo"), [0.0] * 9, [0.3] * 9)
    feed(watching(), [2.0, 1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0])


def test_ordinary_runs_trip_nothing():
    """Heavy-tailed losses of single rows and norms over two powers of ten, falling slowly."""
    for seed in range(300):
        draw = random.Random(seed)
        watch, level = watching(), draw.uniform(0.5, 3.0)
        for step in range(1, 300):
            level *= 0.995
            loss = draw.lognormvariate(math.log(level), 0.5)
            watch.see(step, loss, draw.lognormvariate(0, 1.2))
