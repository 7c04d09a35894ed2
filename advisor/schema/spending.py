"""What a whole plan costs, what serving costs, and when tuning pays back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Interval, Provenance, UsdInterval, Value


class Share(Value):
    """One part of what a plan costs."""

    name: Literal["baselines", "training", "evaluation", "storage", "serving"]
    usd: UsdInterval | None
    """None: unknown."""
    formula: str
    provenance: Provenance


class Spending(Value):
    """Everything a plan costs until the tuned model has served for `months`."""

    shares: tuple[Share, ...]
    total_usd: UsdInterval | None
    """None when a share is unknown."""
    months: float = Field(gt=0)
    calls_per_month: float = Field(ge=0)
    notes: tuple[str, ...] = ()


class Serving(Value):
    """What one way of answering takes per call and per month."""

    approach: Literal["prompting", "few_shot", "rag", "fine_tuning"]
    model: str
    prompt_tokens: float = Field(ge=0)
    answer_tokens: float = Field(ge=0)
    memory_gib: Interval | None
    """Weights and key/value cache on the serving GPU; None for a hosted model."""
    gpu: str | None
    usd_per_thousand_calls: UsdInterval | None
    provenance: Provenance
    notes: tuple[str, ...] = ()


class BreakEven(Value):
    """From which monthly volume on tuning is cheaper than an untuned way of answering."""

    against: str
    """The approach that tuning replaces."""
    calls_per_month: Interval | None
    """None when tuning never pays back."""
    never: bool
    because: str
