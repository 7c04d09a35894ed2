"""Did tuning help: the tuned model against every baseline on the same samples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_serializer, field_validator

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.evaluation import Comparison, Evaluation
from advisor.schema.probe import ProbeFinding

Quantity = Literal["memory_gib", "time_hours", "tokens_per_second", "cost_usd"]
SegmentKind = Literal["label", "length", "source"]
GuessKind = Literal["answers_to_other_samples", "most_frequent_target"]


class Segment(Value):
    """A part of the test samples, on which the tuned model is held against the best baseline."""

    kind: SegmentKind
    name: str
    """The label, the range of lengths, the file or document: in words a reader knows."""
    n: int
    baseline: float
    tuned: float
    difference: float
    interval: ConfidenceInterval | None = None
    p_value: float | None = None
    """One-sided, that the tuned model is worse; corrected after Holm over the segments that can
    veto; None for those with too few samples."""
    is_worse: bool = False
    """Whether the tuned model is worse there beyond chance, on enough samples to veto; a label also
    by its F1."""
    baseline_f1: float | None = None
    """F1 of the label over all samples; None where the segment is no single label."""
    tuned_f1: float | None = None


class Regression(Value):
    """Something the tuned model does worse than what it is held against, beyond chance."""

    what: str
    before: float
    after: float
    note: str = ""
    kind: Literal["baseline", "segment", "probe", "failures"] = "baseline"
    vetoes: bool = False
    """Whether it alone turns the verdict into `discard`."""


class Guess(Value):
    """What is reached without reading the sample, held against the tuned model."""

    what: GuessKind
    value: float
    against: Comparison
    """The guess (a) against the tuned model (b) on the same samples."""
    is_beaten: bool
    """Whether the tuned model is better beyond chance."""


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
    segments: tuple[Segment, ...] = ()
    """Parts of the test samples, so that the mean hides no regression."""
    probes: tuple[ProbeFinding, ...] = ()
    """What was asked beside the task, of the base model before and of the tuned one after."""
    guesses: tuple[Guess, ...] = ()
    """What is reached without reading the samples; none for a metric that does not look at the
    target or asks a judge."""
    more_items: int | None = None
    """Further test samples that would decide an inconclusive verdict in 4 of 5 repetitions."""
    error_rates: dict[str, float] = Field(default_factory=dict)
    """How often, at most, each family of tests errs where nothing differs: `baselines`,
    `segments`, `probes`."""
    tolerated: str = ""
    """Why regressions elsewhere do not veto, in the user's words; empty where they do."""
    estimate_vs_measured: tuple[EstimateCheck, ...] = ()
    """In JSON an object: id of the quantity -> check."""
    target: float | None = None
    target_met: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shows_forgetting(self) -> bool:
        """Whether some probe beside the task was measured before and after."""
        return any(probe.shows_forgetting for probe in self.probes)

    @field_validator("estimate_vs_measured", mode="before")
    @classmethod
    def _from_object(cls, value: object) -> object:
        return tuple(value.values()) if isinstance(value, dict) else value

    @field_serializer("estimate_vs_measured")
    def _as_object(self, checks: tuple[EstimateCheck, ...]) -> dict[str, dict[str, Any]]:
        return {check.id: check.model_dump(mode="json") for check in checks}
