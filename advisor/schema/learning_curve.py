"""How scores grow with labels, and how many more would change the verdict."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Interval, Value


class CurvePoint(Value):
    """One system with so many labelled samples."""

    labels: int = Field(ge=0)
    value: float
    interval: ConfidenceInterval


class Curve(Value):
    """One system's points, and what a power law through them promises."""

    system: str
    """few_shot or embedding_classifier."""
    points: tuple[CurvePoint, ...]
    labels_for_target: Interval | None = None
    """Labels at which the fitted curve meets the target; None when it never does, or too few
    points tell."""
    ceiling: Interval | None = None
    """Score the fitted curve tends to."""


class LearningCurve(Value):
    """Scores over growing data on the same test samples."""

    metric: str
    target: float | None
    curves: tuple[Curve, ...]
    more_labels: int | None = None
    """Labels to add, by the best curve, before the target may be met; None when unknown or never.
    """
    sentence: str
    notes: tuple[str, ...] = ()
