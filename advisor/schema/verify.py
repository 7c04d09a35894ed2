"""Did tuning help: the tuned model against every baseline on the same samples."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value
from advisor.schema.evaluation import Comparison, Evaluation


class Regression(Value):
    """Something the tuned model does worse than a baseline beyond chance."""

    what: str
    before: float
    after: float
    note: str = ""


class EstimateCheck(Value):
    """One estimated quantity beside its measured value."""

    quantity: str
    unit: str
    estimated_low: float | None
    estimated_likely: float | None
    estimated_high: float | None
    measured: float | None
    inside: bool | None


class Verification(Value):
    """Keep, discard, or not enough to tell."""

    verdict: Literal["keep", "discard", "inconclusive"]
    because: str
    tuned: Evaluation
    comparisons: tuple[Comparison, ...]
    """Each baseline (a) against the tuned model (b), p-values corrected after Holm."""
    regressions: tuple[Regression, ...] = ()
    estimate_vs_measured: tuple[EstimateCheck, ...] = ()
    target: float | None = None
    target_met: bool | None = None
    warnings: tuple[str, ...] = ()
