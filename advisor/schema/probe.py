"""What is asked beside the task, before and after tuning, to see whether anything got worse."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.evaluation import Sample

OF_TEST_PART = "answers to the test part"
"""The source of what is read off the task's own answers: it says nothing of what was forgotten."""
ProbeKind = Literal["loss", "task", "instruction", "format", "hallucination", "refusal", "harness"]


class Probe(Value):
    """General samples and how their answers are scored; no sample of it was trained on."""

    name: str
    kind: ProbeKind
    samples: tuple[Sample, ...]
    metric: str = ""
    """Metric plugin; empty for the loss on the samples' texts."""
    metric_options: dict[str, str] = Field(default_factory=dict)
    instruction: str = ""
    """The system turn; empty for none."""
    max_new_tokens: int = Field(default=64, gt=0)
    allowed: float = Field(default=0.05, ge=0)
    """How much worse is allowed: a share, or nats per token for a loss."""
    higher_is_better: bool = True
    source: str = ""
    """Where its samples come from: the package, or the user's file."""


class ProbeFinding(Value):
    """One probe before and after tuning."""

    probe: str
    kind: ProbeKind
    unit: str = ""
    """Empty for a share from 0 to 1."""
    higher_is_better: bool = True
    before: float | None
    """Of the untuned model; None where it could not be measured."""
    after: float | None
    worse_by: float | None = None
    """How much worse the tuned model is: above 0 is worse, whichever way the metric points."""
    interval: ConfidenceInterval | None = None
    """Of `worse_by`."""
    p_value: float | None = None
    """Two-sided, paired, corrected after Holm over all probes that were tested."""
    allowed: float = 0.0
    """How much worse is allowed."""
    n: int = 0
    is_worse: bool = False
    """Worse beyond chance and by more than is allowed."""
    nothing_to_lose: bool = False
    """The untuned model was at its worst already, on every item: nothing could get worse."""
    source: str = ""
    note: str = ""

    @property
    def shows_forgetting(self) -> bool:
        """Whether it was measured beside the task (packaged, general or named), and can be lost."""
        is_beside = self.source != OF_TEST_PART and not self.nothing_to_lose
        return is_beside and self.worse_by is not None
