"""A tuned model proved on a run: asked what the baselines were asked, and beside the task."""

from __future__ import annotations

from pathlib import Path

from advisor.artifacts import digest_of
from advisor.assembly import completed, is_outside, told, tuned_evaluation, tuned_place
from advisor.contracts.contents import model_digest
from advisor.evaluation.also import value_of
from advisor.evaluation.guessing import guesses
from advisor.kept_settings import save_settings
from advisor.probes import probe_inputs, probed
from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Option
from advisor.schema.run import SETTINGS_FILE
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.stages.verify import Evidence, verify
from advisor.tuning import target_of
from advisor.workspace import Workspace


def proof_inputs(space: Workspace, model: TrainResult) -> dict[str, str]:
    """What a proof depends on beside plan, data and baselines: weights, probes, what is tolerated.

    The weights of a model at a service are unknown.
    """
    return {
        "target": str(target_of(space.folder)),
        "weights": model_digest(Path(tuned_place(space, model))),
        "tolerate": tolerated(space, model),
        **probe_inputs(space),
    }


def tolerate_for(space: Workspace, model: TrainResult) -> None:
    """Tie a reason to tolerate that was said for no model yet to this one, in the kept settings."""
    chosen = space.settings
    if not chosen.tolerate or chosen.tolerate_for is not None:
        return
    space.settings = chosen.model_copy(update={"tolerate_for": _digest(space, model)})
    if (space.folder.path / SETTINGS_FILE).is_file():
        save_settings(space.settings, space.folder)


def tolerated(space: Workspace, model: TrainResult) -> str:
    """The user's reason to let regressions pass, where it was said for this model; else nothing."""
    chosen = space.settings
    is_meant = chosen.tolerate_for in (None, _digest(space, model))
    return (chosen.tolerate or "") if is_meant else ""


def _digest(space: Workspace, model: TrainResult) -> str:
    """Of a training and of the weights that it left."""
    return digest_of([model.model_dump(), model_digest(Path(tuned_place(space, model)))])


def changed_weights(space: Workspace) -> tuple[str, ...]:
    """A sentence where the weights are no longer those that were verified."""
    folder = space.folder
    if not folder.has("verify") or folder.freshness("verify") != "fresh":
        return ()
    then = folder.origin("verify").inputs.get("weights")
    place = Path(tuned_place(space, folder.read("train", TrainResult)))
    if then in (None, model_digest(place)):
        return ()
    return ("The tuned model's weights changed after they were verified; run `advisor verify`.",)


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
        guesses=guesses(space.metric, tuned, space.samples),
        probes=probed(space, model, rivals, tuned, may_spend=may_spend),
        result=measured,
        estimate=estimate,
    )
    found = verify(
        evidence,
        target=target_of(folder),
        value_of=value_of(space.metric),
        tolerated=tolerated(space, model),
    )
    return told(
        space, found.model_copy(update={"warnings": (*found.warnings, *_notes(space, model))})
    )


def _notes(space: Workspace, model: TrainResult) -> list[str]:
    """What a reader should know of the model's place and of a reason that holds no more."""
    notes = []
    if is_outside(space, model):
        notes.append(
            f"The tuned model was read from {tuned_place(space, model)}: this run folder has none."
        )
    if space.settings.tolerate and not tolerated(space, model):
        notes.append(
            "What --tolerate was said for was another tuned model; give it again to let this one "
            "get worse elsewhere."
        )
    return notes
