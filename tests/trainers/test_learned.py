"""A training that does not show on the dev split says so, with what would help."""

from __future__ import annotations

import pytest

from advisor.schema.plan import Plan
from advisor.schema.train import DevPoint
from trainers.engines.trl.learned import unlearned

PLAN = Plan(
    model="m",
    method="prompt",
    precision="float32",
    base_bits=32,
    gpu="local",
    sequence_length=8,
    micro_batch_size=1,
    gradient_accumulation_steps=16,
    learning_rate=0.001,
    epochs=3,
)


def remark(before: float, after: float, *scores: float | None) -> str:
    points = [DevPoint(step=n, score=score) for n, score in enumerate(scores)]
    return " ".join(unlearned(before, after, points=points, plan=PLAN))


def test_a_loss_that_hardly_fell_with_one_score_throughout_is_told_with_rate_and_steps():
    told = remark(4.786, 4.769, 0.0, 0.0, 0.0)
    assert "learned hardly anything" in told
    assert "4.786 to 4.769, and its score was 0.000 at every look" in told
    assert "learning_rate (0.001)" in told
    assert "epochs 3, 16 samples each" in told


@pytest.mark.parametrize(
    ("before", "after", "scores"),
    [(4.8, 4.0, (0.0, 0.0)), (4.786, 4.769, (0.0, 0.1)), (4.786, 4.769, (0.2, 0.1))],
)
def test_a_loss_that_fell_or_a_score_that_moved_is_no_remark(before, after, scores):
    assert remark(before, after, *scores) == ""


def test_without_scores_the_loss_decides_and_a_loss_that_rose_is_told():
    assert "hardly anything" in remark(4.786, 4.769)
    assert "learned nothing" in remark(1.0, 1.1, 0.0, 0.5)
    assert unlearned(None, 1.0, points=(), plan=PLAN) == ()
