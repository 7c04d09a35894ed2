"""The whole run as one value; nothing new is measured in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Provenance, Value
from advisor.schema.baseline import Baselines
from advisor.schema.combine import CombineRecord
from advisor.schema.dataset import Severity
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate
from advisor.schema.export import ExportRecord
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.review import Review
from advisor.schema.rule import Source
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification

Outcome = Literal["fixed", "broken", "still_wrong", "wrong"]
"""By tuning: fixed, broken, wrong before and after; `wrong` where nothing was tuned."""


class Answer(Value):
    """What one system said to a sample."""

    system: str
    """Builder of the evaluation, or `tuned`."""
    text: str
    score: float
    note: str = ""
    """Why there is no answer, or what the metric remarked."""


class FailureExample(Value):
    """One sample with the answers of the best baseline and of the tuned model side by side."""

    outcome: Outcome
    sample_id: str
    input: str | None
    """None when the samples were not at hand."""
    target: str | None
    baseline: Answer
    tuned: Answer | None = None
    """None where nothing was tuned, or the tuned model was not asked."""


class ProblemCount(Value):
    """One kind of fault in the data, with the rows that have it."""

    code: str
    severity: Severity
    rows: int | None
    """None where it is a fault of the file, not of rows."""
    message: str


class DataSummary(Value):
    """What was found in the data, in figures; None is what nobody looked for."""

    name: str
    """Of the file, without its folders."""
    digest: str = ""
    format: str = ""
    rows: int | None = None
    usable_rows: int | None = None
    splits: dict[str, int] = Field(default_factory=dict)
    """Samples of each part, as used."""
    split_by: str = ""
    duplicate_share: float | None = None
    duplicate_rows: int | None = None
    near_duplicate_rows: int | None = None
    leaked_samples: int | None = None
    """Test samples that also stand in the train part."""
    near_leaked_samples: int | None = None
    contradictions: int | None = None
    """Equal inputs with different targets."""
    problems: tuple[ProblemCount, ...] | None = None
    """Worst first; None where the rows were not checked."""
    problems_left_out: int = 0
    usefulness: float | None = None
    """Of 100: share of the rows that remain when everything doubtful is taken out."""
    checked_on: str = ""
    """ISO date of the check of the rows; empty without one."""
    unchecked: str = ""
    """Why the rows were not checked, and the command that does it."""


class CostLine(Value):
    """One part of what the run has cost so far."""

    what: str
    usd: float | None
    """None: unknown, and `because` says why."""
    hours: float | None = None
    """Of this machine or of the service, where measured."""
    tokens: int | None = None
    because: str = ""
    provenance: Provenance


class AnswerCost(Value):
    """What a thousand answers of one system cost, as measured in this run."""

    system: str
    prompt_tokens: float
    """Of one answer, mean."""
    completion_tokens: float
    usd_per_thousand: float | None
    because: str = ""
    """How it was reckoned, or why it is unknown."""


class Payback(Value):
    """When tuning pays back, from what was measured in this run."""

    tuned: AnswerCost
    prompted: AnswerCost
    """The best baseline."""
    setup_usd: float | None
    """What training cost: what each saved dollar must first carry."""
    answers: float | None
    """Answers after which tuning has paid for itself; None: never, or unknown."""
    never: bool | None
    """Whether a tuned answer costs as much as a prompted one, or more; None: unknown."""
    because: str
    assumed: tuple[str, ...] = ()


class FigureSource(Value):
    """Where one kind of figure of the report comes from."""

    figure: str
    provenance: Provenance


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
    changes: tuple[str, ...] = ()
    """What would change the verdict, each as a sentence."""
    failures: tuple[FailureExample, ...] = ()
    """Answers of the best baseline and of the tuned model side by side: some of each outcome."""
    outcomes: dict[Outcome, int] = Field(default_factory=dict)
    """How many samples of each outcome there are in all."""
    data: DataSummary | None = None
    costs: tuple[CostLine, ...] = ()
    known_usd: float | None = None
    """Sum of the costs that are known; None where none is."""
    payback: Payback | None = None
    exports: tuple[ExportRecord, ...] = ()
    combinations: tuple[CombineRecord, ...] = ()
    review: Review | None = None
    """People's blind judgement of the tuned answers."""
    figures: tuple[FigureSource, ...] = ()
    """Where every kind of figure comes from."""
    sources: tuple[Source, ...] = ()
    """The publications that reasons and figures cite."""
    warnings: tuple[str, ...] = ()
    made_with: dict[str, str] = Field(default_factory=dict)
    """Tool version, rulebook digest, price date, models: what is needed to reproduce."""
