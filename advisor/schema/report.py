"""The whole run as one value; nothing new is computed in it."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.rule import Source
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification


class FailureExample(Value):
    """One answer that scored less than 1."""

    system: str
    """Builder of the evaluation, or `tuned`."""
    sample_id: str
    input: str | None
    """None when the samples were not at hand."""
    target: str | None
    answer: str
    score: float
    note: str = ""


class Report(Value):
    """Everything a reader needs to agree or disagree with the verdict."""

    name: str
    run_dir: str
    headline: str
    """The verdict in one sentence."""
    next_step: str = ""
    """What to do now, in one sentence."""
    recommended: str | None
    profile: Profile
    decision: Decision
    estimate: Estimate | None = None
    baselines: Baselines | None = None
    gate: GateVerdict | None = None
    training: TrainResult | None = None
    verification: Verification | None = None
    override: str = ""
    """Why it was trained although the gate did not say so, in the user's words."""
    failures: tuple[FailureExample, ...] = ()
    """The worst answers of the best baseline and of the tuned model."""
    sources: tuple[Source, ...] = ()
    """The publications that the reasons cite."""
    warnings: tuple[str, ...] = ()
    made_with: dict[str, str] = Field(default_factory=dict)
    """Tool version, rulebook digest, price date, models: what is needed to reproduce."""
