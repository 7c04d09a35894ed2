"""Broken runs are told from rough ones by their losses and gradient norms."""

from __future__ import annotations

import json
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
    assert "--learning-rate 0.03 instead of 0.3" in told.value.hint


def test_in_float16_the_precision_is_named():
    with pytest.raises(NonFiniteLossError) as told:
        feed(watching(precision="float16"), [math.nan])
    assert "bfloat16" in told.value.hint


def test_a_loss_that_rises_far_above_where_it_began():
    with pytest.raises(DivergedError, match=r"rose from 2 to 10 by step 7: training diverges") as t:
        feed(watching(learning_rate=10.0), [2.0, *[10] * 6])
    assert t.value.hint.startswith("Lower the rate: --learning-rate 1 instead of 10;")


def test_the_recipes_rate_is_named_where_it_is_lower():
    for usual, told in ((0.004, "--learning-rate 0.004, the recipe's"), (20.0, "-rate 1 instead")):
        watch = watching(learning_rate=10.0)
        watch.usual_rate = usual
        with pytest.raises(DivergedError) as t:
            feed(watch, [2.0, *[10] * 6])
        assert told in t.value.hint


def test_a_gradient_that_died_after_the_loss_rose():
    """As seen at a rate of 50: the rise is too short for the median, and then nothing moves."""
    losses, norms = [5.21, 5.53, 28.67, 17.07, *[7.337] * 20], [1.0, 9.0, 50.0, 3.0, *[0.0] * 20]
    with pytest.raises(DivergedError, match=r"0 for 5 steps, .* 7\.34 \(it began at 5\.21\)") as t:
        feed(watching(learning_rate=50.0), losses, norms)
    assert t.value.where == "step 9"
    feed(watching(), [2.0] * 9, [0.0] * 9)  # gradients that are used up within the backward pass
    feed(watching(), [2.0, 1.0, *[1e-7] * 20], [1.0, 1.0, *[0.0] * 20])


def test_a_loss_that_stays_above_where_it_began():
    watch = watching()
    watch.see_look(0, 5.4)
    with pytest.raises(DivergedError, match=r"stays at 7\.34 for 30 steps, above the 5\.4 at fir"):
        feed(watch, [5.2, *[7.337] * 40])
    noisy = watching()
    noisy.see_look(0, 2.0)
    feed(noisy, [2.0, *[2.7] * 40])
    mixed = watching(general_share=0.2)
    mixed.see_look(0, 0.3)
    feed(mixed, [0.3, *[3.0] * 40])


def test_a_run_that_goes_on_is_stopped_at_the_same_step():
    whole, resumed = watching(), watching()
    feed(whole, [2.0, 10, 10])
    resumed.recall(json.loads(json.dumps(whole.history())))
    for at in (4, 5, 6):
        resumed.see(at, 10, 1.0)
    with pytest.raises(DivergedError, match="by step 7"):
        resumed.see(7, 10, 1.0)


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
        watch.see_look(0, level * math.exp(0.125) if seed % 2 else None)
        for step in range(1, 300):
            level *= 0.995
            loss = draw.lognormvariate(math.log(level), 0.5)
            watch.see(step, loss, draw.lognormvariate(0, 1.2))
