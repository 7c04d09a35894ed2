"""A tuned model proved on a run: asked what the baselines were asked, and beside the task."""

from __future__ import annotations

from advisor.assembly import completed, told, tuned_evaluation
from advisor.evaluation.also import value_of
from advisor.probes import probed
from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Option
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.stages.verify import Evidence, verify
from advisor.tuning import target_of
from advisor.workspace import Workspace


def proved(
    space: Workspace,
    model: TrainResult,
    *,
    measured: TrainResult | None = None,
    estimate: Option | None = None,
    may_spend: bool = False,
) -> Verification:
    """The verification of a model on the run's locked test part, against the run's baselines.

    `model` says how it is opened; `measured` and `estimate` are held against each other where both
    belong to it. Raises MissingArtifactError without baselines, ConsentError where answers cost
    money that nobody agreed to spend.
    """
    folder = space.folder
    rivals = completed(space, folder.read("baseline", Baselines), may_spend=may_spend)
    on_shots = SHOTS_KEY in folder.origin("train").inputs
    tuned = tuned_evaluation(space, model, rivals, on_shots=on_shots)
    evidence = Evidence(
        tuned=tuned,
        baselines=rivals,
        samples=space.samples,
        probes=probed(space, model, rivals, tuned, may_spend=may_spend),
        result=measured,
        estimate=estimate,
    )
    found = verify(
        evidence,
        target=target_of(folder),
        value_of=value_of(space.metric),
        tolerated=space.settings.tolerate or "",
    )
    return told(space, found)
