"""How a run folder stands: what is stale, what has changed since, what it was made with."""

from __future__ import annotations

from advisor.artifacts import FILES, STAGES, Origin, RunFolder, Stage
from advisor.errors import InputError, StaleArtifactError
from advisor.evaluation.suggest import misfit
from advisor.rulebook.conditions import facts_named
from advisor.rulebook.engine import fire
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Sample
from advisor.schema.profile import Profile
from advisor.schema.train import TrainResult
from advisor.workspace import Workspace

METRIC = "task.metric"
OUTSIDE = {"data": "The data file", "docs": "The documents"}


def changed_since(space: Workspace) -> tuple[str, ...]:
    """Sentences on data or documents that are no longer what the profile was measured on."""
    folder = space.folder
    if not folder.has("profile"):
        return ()
    before = folder.origin("profile").inputs
    try:
        now = space.data_inputs()
    except InputError as error:
        return (f"What the run was measured on can no longer be read: {error.message}",)
    return tuple(
        f"{words} changed after the run was measured; `advisor run` measures again."
        for key, words in OUTSIDE.items()
        if key in before and before[key] != now.get(key)
    )


def stale_stages(folder: RunFolder) -> tuple[Stage, ...]:
    """Stages whose document was made from something that has changed, in order."""
    return tuple(stage for stage in STAGES if folder.freshness(stage) == "stale")


def refuse_stale(folder: RunFolder, *stages: Stage) -> None:
    """Raise StaleArtifactError naming the first of these stages that must be made again."""
    for stage in stages:
        if folder.freshness(stage) == "stale":
            raise StaleArtifactError(
                f"{FILES[stage]} was made from inputs that have changed since.",
                hint=f"Run `advisor {stage} --run-dir {folder.path}` again, or `advisor run`.",
                where=str(folder.path),
            )


def refuse_changed(space: Workspace) -> None:
    """Raise StaleArtifactError when data or documents are not what the profile was measured on."""
    for sentence in changed_since(space):
        raise StaleArtifactError(
            f"Nothing can be estimated for these baselines any more. {sentence}",
            hint=f"Measure again: `advisor run --run-dir {space.folder.path}`.",
            where=str(space.folder.path),
        )


def warnings(space: Workspace) -> tuple[str, ...]:
    """What a reader of the report should know about the state of the folder."""
    folder = space.folder
    stale = tuple(
        f"{FILES[stage]} is stale and left out: its inputs have changed since."
        for stage in stale_stages(folder)
    )
    return (*stale, *changed_since(space), *_other_rules(space))


def metric_warnings(space: Workspace) -> tuple[str, ...]:
    """What the warning rules say of the metric in use, where the targets have not said more."""
    if misfit(space.metric_name, [s for s in space.samples if s.split == "test"]):
        return ()
    profile = space.folder.read("profile", Profile)
    return tuple(
        action.message
        for finding in fire(space.rulebook, profile, "warning")
        if finding.outcome.holds and METRIC in facts_named(finding.rule.when)
        for action in finding.rule.then
        if action.message
    )


def _other_rules(space: Workspace) -> tuple[str, ...]:
    folder = space.folder
    judged = folder.origin("gate").rulebook_digest if folder.has("gate") else ""
    if not judged or judged == space.rulebook.digest:
        return ()
    return ("The rules have changed since the gate was judged; run `advisor gate` again.",)


def made_with(space: Workspace) -> dict[str, str]:
    """What is needed to reproduce the numbers, read from the documents that hold them."""
    folder = space.folder
    origins: list[Origin] = [folder.origin(stage) for stage in STAGES if folder.has(stage)]
    facts = {"advisor": ", ".join(sorted({o.advisor_version for o in origins}))}
    if folder.has("baseline"):
        manifest = folder.read("baseline", Baselines).manifest
        facts |= {
            "model": f"{manifest.model} ({manifest.model_digest})",
            "dataset": manifest.dataset_digest,
            "seed": str(manifest.seed),
        }
    if folder.has("train"):
        facts["trainer"] = folder.read("train", TrainResult).trainer
    rules = {o.rulebook_digest for o in origins if o.rulebook_digest}
    prices = {o.prices_as_of for o in origins if o.prices_as_of}
    return facts | {"rulebook": ", ".join(sorted(rules)), "prices": ", ".join(sorted(prices))}


def samples(space: Workspace) -> tuple[Sample, ...]:
    """The samples that the documents speak of; none when the data has changed or is gone.

    As they stand in the file: splitting thousands of them anew, only to show a few, takes seconds.
    """
    return () if changed_since(space) or space.dataset is None else space.dataset.samples
