"""The written condition under which training is warranted, and whether it is met."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value
from advisor.schema.decide import Decision
from advisor.schema.rule import Approach


class Criterion(Value):
    """One condition of the gate: what was asked, what was seen."""

    rule_id: str
    asked: str
    seen: str
    passed: bool | None
    """None when a fact it needs is unknown."""
    leads_to: Literal["stop", "collect"] | None = None
    """The verdict this criterion brings when it fails."""


class GateVerdict(Value):
    """Train, stop, or collect more data first."""

    verdict: Literal["train", "stop", "collect"]
    criteria: tuple[Criterion, ...]
    because: str
    recommended: Approach | None
    """The approach after the measured scores are known."""
    target: float | None
    decision: Decision
    warnings: tuple[str, ...] = ()
