"""Did tuning help: the tuned model against every baseline on the same samples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_serializer, field_validator

from advisor.schema.base import Value
from advisor.schema.evaluation import Comparison, Evaluation

Quantity = Literal["memory_gib", "time_hours", "tokens_per_second", "cost_usd"]


class Regression(Value):
    """Something the tuned model does worse than a baseline beyond chance."""

    what: str
    before: float
    after: float
    note: str = ""


class EstimateCheck(Value):
    """One estimated quantity beside its measured value."""

    id: Quantity
    quantity: str
    """The quantity in words."""
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
    """In JSON an object: id of the quantity -> check."""
    target: float | None = None
    target_met: bool | None = None
    warnings: tuple[str, ...] = ()

    @field_validator("estimate_vs_measured", mode="before")
    @classmethod
    def _from_object(cls, value: object) -> object:
        return tuple(value.values()) if isinstance(value, dict) else value

    @field_serializer("estimate_vs_measured")
    def _as_object(self, checks: tuple[EstimateCheck, ...]) -> dict[str, dict[str, Any]]:
        return {check.id: check.model_dump(mode="json") for check in checks}
