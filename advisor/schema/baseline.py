"""Measured scores of everything that needs no training."""

from __future__ import annotations

from advisor.schema.base import Value
from advisor.schema.evaluation import Comparison, Evaluation, Manifest
from advisor.schema.learning_curve import LearningCurve
from advisor.schema.purse import Bill
from advisor.schema.split import SplitRecord


class Baselines(Value):
    """Evaluations of all baselines on the same samples."""

    evaluations: tuple[Evaluation, ...]
    best: str
    """Builder of the best evaluation; a tie goes to the cheaper builder."""
    comparisons: tuple[Comparison, ...]
    manifest: Manifest
    target: float | None = None
    leaked_samples: int = 0
    near_leaked_samples: int = 0
    """Test samples that were left in though they are nearly equal to a train sample."""
    unsettled: tuple[str, ...] = ()
    """Builders that lack answers for a cause that may pass; measuring again asks for those."""
    warnings: tuple[str, ...] = ()
    bill: Bill | None = None
    """What it was to cost, might cost and did cost; None where nothing is paid for."""
    detectable: float | None = None
    """Smallest gain in score that this many samples would show in 4 of 5 repetitions."""
    test_uses: int | None = None
    """How often this test part has been measured on, this time included."""
    split: SplitRecord | None = None
    """How the samples were parted."""
    learning_curve: LearningCurve | None = None
