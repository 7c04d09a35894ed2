"""Measured scores of everything that needs no training."""

from __future__ import annotations

from advisor.schema.base import Value
from advisor.schema.evaluation import Comparison, Evaluation, Manifest


class Baselines(Value):
    """Evaluations of all baselines on the same samples."""

    evaluations: tuple[Evaluation, ...]
    best: str
    """Builder of the best evaluation; a tie goes to the cheaper builder."""
    comparisons: tuple[Comparison, ...]
    manifest: Manifest
    target: float | None = None
    leaked_samples: int = 0
    unsettled: tuple[str, ...] = ()
    """Builders that lack answers for a cause that may pass; measuring again asks for those."""
    warnings: tuple[str, ...] = ()
