"""A finished run's model written in another form, and the proof that it is what was evaluated."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.artifacts import digest_of
from advisor.assembly import tuned_place
from advisor.contracts import Foreseeing, PluginInfo
from advisor.errors import (
    InputError,
    MissingArtifactError,
    ModelFolderError,
    PlanError,
    StaleArtifactError,
    StorageError,
    UnknownPluginError,
)
from advisor.pipeline import Pipeline
from advisor.schema.export import Agreement, Exported, ExportJob, ExportRecord
from advisor.schema.plan import Plan
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.shipping.checking import CHECK_LATER, ExportWish, certified, refuse_uncheckable
from advisor.shipping.clearance import Clearance, refuse, refuse_unproved, standing_of
from advisor.shipping.export_record import keep_record, moved, read_record
from advisor.shipping.handed_over import as_exported
from advisor.shipping.paperwork import write_card, write_results
from advisor.shipping.whole_folder import not_empty, whole_folder
from advisor.standing import changed_since
from advisor.tools import Tools
from advisor.training_set import training_samples
from advisor.tuning import Limit, is_served, training_job
from advisor.workspace import Workspace

GROUP = "advisor.exporters"
CARD = "card"
"""The papers alone, without a model."""
EXPORTS = "exports"
"""Folder of the exports in a run folder."""
UNASKED = "Not checked against the evaluated model, as asked (--no-check)."
NO_SCORES = (
    "The scores in the forms of other tools are not written into the run folder ({}); the export"
    " itself is whole."
)
NOT_KEPT = (
    "The model that was trained by this plan here was not kept: its verification says {}. Training"
    " it elsewhere the same way gives no reason to expect another verdict; verify what comes out."
)
MADE_FROM = ("options", "trained_as", "weights_digest", "job_digest")
"""Fields of a record that say what an export was made from."""


def export_run(pipeline: Pipeline, wish: ExportWish) -> ExportRecord:
    """The run's tuned model in another form, checked, with its record and its papers beside it.

    Raises UnknownPluginError for a form that nothing writes, ConsentError for a model that was not
    kept, MissingArtifactError and StaleArtifactError for one that no verification holds for,
    StorageError for a folder that holds something, and what the exporter and the check raise.
    Nothing half-written is left.
    """
    space = pipeline.workspace
    if wish.check_folder is not None:
        return _handed_over(pipeline, wish, wish.check_folder.resolve())
    info = form_of(wish.to)
    goal = (wish.out or space.folder.path / EXPORTS / wish.to).resolve()
    if wish.check_at:
        return _served_checked(pipeline, wish, goal)
    if "training" in info.needs:
        return _recipe(pipeline, wish, goal)
    training = space.folder.read("train", TrainResult)
    job = _job(space, wish, tuned_place(space, training))
    refuse_options(wish.to, job)
    standing = _cleared(space, wish.anyway)
    marks = marks_of(standing, job, wish)
    record = left_unchecked(goal, wish.to, marks)
    if record is None:
        if wish.is_checked and wish.to != CARD:
            refuse_uncheckable(space, may_spend=pipeline.may_spend)
        if wish.to != CARD:
            _refuse_gone(Path(job.model), training.served_by.model, space.folder.path)
        record = exported(job, wish.to, space.tools(), goal, marks)
    elif not wish.is_checked:
        raise not_empty(goal)
    return _proved(pipeline, wish, record, goal, standing)


def exported(
    job: ExportJob, exporter: str, tools: Tools, goal: Path, marks: dict[str, Any]
) -> ExportRecord:
    """What an exporter makes of a job, with its record, whole in `goal` or not at all.

    It is written beside the goal and moved there at the end; `marks` are what the record says
    beside that. Raises StorageError where the goal holds something, and what the exporter raises.
    """
    with whole_folder(goal, "export") as place:
        here = job.model_copy(update={"output_dir": str(place)})
        if exporter == CARD:
            found = Exported(exporter=CARD, output_dir=here.output_dir, files=())
        else:
            found = registry.exporter(exporter).export(here, tools)
        told = moved(found.model_dump(), str(place), str(goal))
        record = ExportRecord(exported=Exported.model_validate(told), **marks)
        keep_record(record, place, goal)
    return record


def refuse_options(exporter: str, job: ExportJob) -> None:
    """Raise PlanError for an option that the form does not know, or not with that value.

    MissingExtraError and MissingProgramError for what it lacks here, where it knows that before.
    """
    info = form_of(exporter)
    strange = [name for name in job.options if name not in info.options]
    if strange:
        known = ", ".join(info.options) or "none"
        raise PlanError(
            f"Exporting as {exporter} knows no option '{strange[0]}'.",
            hint=f"It knows: {known}.",
            where="--option",
        )
    plugin: object = None if exporter == CARD else registry.exporter(exporter)
    if isinstance(plugin, Foreseeing):
        plugin.check(job)


def form_of(name: str) -> PluginInfo:
    """What the form says of itself; raises UnknownPluginError naming what there is."""
    known = (*registry.names(GROUP), CARD)
    if name == CARD:
        return PluginInfo(id=CARD, label="model card and scores", needs=("weights",))
    if name in known:
        return registry.exporter(name).info
    close = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean '{close[0]}'?" if close else ""
    raise UnknownPluginError(
        f"Nothing exports to '{name}'.{guess}",
        hint=f"There is: {', '.join(sorted(known))}.",
        where=GROUP,
    )


def _cleared(space: Workspace, anyway: str) -> Clearance:
    """How the run's model stands; raises for one that is not to be shipped."""
    standing = standing_of(space)
    refuse(standing, anyway, place=space.folder.path, again=_verify(space))
    return standing


def _verify(space: Workspace) -> str:
    return f"advisor verify --run-dir {space.folder.path}"


def _refuse_gone(model: Path, named: str, run: Path) -> None:
    if not model.is_dir():
        raise ModelFolderError(
            f"The trained model is not there: '{named}' is no folder.",
            hint="Put it back, or train again; what a service has tuned stays with the service.",
            where=str(run),
        )


def marks_of(standing: Clearance, job: ExportJob, wish: ExportWish) -> dict[str, Any]:
    """What a record says of where an export comes from, until it was checked."""
    told = job.model_dump(mode="json", exclude={"model", "output_dir", "train_job", "plan"})
    return {
        "verification": standing.verdict,
        "anyway": wish.anyway if standing.doubt else "",
        "is_checked": wish.is_checked,
        "trained_as": standing.trained_as,
        "weights_digest": standing.weights,
        "options": dict(job.options),
        "job_digest": digest_of(told),
        "warnings": (*standing.sentences(wish.anyway), CHECK_LATER),
    }


def _job(space: Workspace, wish: ExportWish, model: str) -> ExportJob:
    return ExportJob(
        model=model,
        name=served_name(wish.name or space.settings.name, told=bool(wish.name)),
        output_dir=".",
        instruction=space.instruction,
        max_new_tokens=space.settings.max_new_tokens,
        options=wish.options,
    )


def served_name(name: str, *, told: bool = False) -> str:
    """What a model is served as: small letters, digits and -_. only.

    Raises InputError for a name that the user gave and that is none.
    """
    made = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:64].strip("-_.") or "tuned"
    if told and made != name:
        raise InputError(
            f"'{name}' is no name that a model can be served as.",
            hint=f"Use small letters, digits, '-', '_' and '.', at most 64: '{made}'.",
            where="--name",
        )
    return made


def _recipe(pipeline: Pipeline, wish: ExportWish, goal: Path) -> ExportRecord:
    """The training written down for another engine: no weights, so nothing to be checked.

    It needs no verdict: elsewhere it is another training, of another size perhaps, that is to be
    verified itself. What was found of the model trained by it here is said.
    """
    space = pipeline.workspace
    job = _job(space, wish, space.tuned_path)
    refuse_options(wish.to, job)
    for sentence in changed_since(space):
        raise InputError(
            f"The training cannot be written down. {sentence}",
            hint=f"Run `advisor run --run-dir {space.folder.path}` again.",
            where=str(space.folder.path),
        )
    plan = _trained_plan(space) or pipeline.plan()
    option = None if is_served(space) else pipeline.option()
    option = option if option and option.plan == plan else None
    rows = training_samples(space, pipeline.decide())
    training = training_job(space, plan, rows, option=option, limit=Limit(), resume=False)
    job = job.model_copy(update={"train_job": training, "plan": training.plan})
    marks = {"options": dict(job.options), **_found_by_it(space)}
    return exported(job, wish.to, space.tools(), goal, marks)


def _trained_plan(space: Workspace) -> Plan | None:
    """The plan that was trained here, whatever was estimated since; None where nothing was."""
    if space.folder.freshness("train") != "fresh":
        return None
    return space.folder.read("train", TrainResult).plan


def _found_by_it(space: Workspace) -> dict[str, Any]:
    """What a record says of the model trained by this plan here, where one was verified."""
    if space.folder.freshness("verify") != "fresh":
        return {}
    verdict = space.folder.read("verify", Verification).verdict
    told = () if verdict == "keep" else (NOT_KEPT.format(verdict),)
    return {"verification": verdict, "warnings": told}


def _served_checked(pipeline: Pipeline, wish: ExportWish, goal: Path) -> ExportRecord:
    """An export that was made before, checked where it is served now."""
    space, record = pipeline.workspace, read_record(goal)
    if record is None or record.exported.exporter != wish.to:
        raise MissingArtifactError(
            f"{goal} holds no export as {wish.to} that could be served.",
            hint="Export first, serve what was written, then check it with --check-at.",
            where=str(goal),
        )
    wish = replace(
        wish,
        served_as=wish.served_as or served_name(wish.name or pipeline.settings.name),
        anyway=wish.anyway or record.anyway,
    )
    standing = _cleared(space, wish.anyway)
    now = (standing.trained_as, standing.weights)
    if record.trained_as and (record.trained_as, record.weights_digest) != now:
        raise StaleArtifactError(
            f"{goal} was exported from another model than the one that this run holds now.",
            hint="Export it again, into another folder or after deleting this one.",
            where=str(goal),
        )
    kept = record.exported.model_copy(update={"unchecked": ()})  # a server answers for itself
    marks = {
        "exported": kept,
        "verification": standing.verdict,
        "anyway": wish.anyway if standing.doubt else "",
        "is_checked": True,
    }
    return _proved(pipeline, wish, record.model_copy(update=marks), goal, standing)


def _handed_over(pipeline: Pipeline, wish: ExportWish, folder: Path) -> ExportRecord:
    """A folder that lies there already, held against the run's model; nothing is written."""
    space = pipeline.workspace
    if wish.to:
        form_of(wish.to)
    standing = standing_of(space)
    refuse_unproved(standing, wish.anyway, place=space.folder.path, again=_verify(space))
    found = as_exported(folder, wish.to, base=space.tuned_path)
    agreement, remarks = certified(
        space, found, wish, may_spend=pipeline.may_spend, verified=standing.verified
    )
    doubt = f"Of the model that it was held against, {standing.doubt}." if standing.doubt else ""
    return ExportRecord(
        exported=found,
        agreement=agreement,
        verification=standing.verdict,
        anyway=wish.anyway if standing.doubt else "",
        trained_as=standing.trained_as,
        weights_digest=standing.weights,
        warnings=((doubt,) if doubt else ()) + remarks,
    )


def left_unchecked(goal: Path, form: str, marks: dict[str, Any]) -> ExportRecord | None:
    """What an earlier call has written there and was stopped before it had checked.

    Raises StorageError where that was made from something else or otherwise than asked now.
    """
    record = read_record(goal)
    if record is None or CHECK_LATER not in record.warnings or record.exported.exporter != form:
        return None
    if any(getattr(record, name) != marks[name] for name in MADE_FROM):
        options = ", ".join(f"{key}={value}" for key, value in record.options.items())
        was = f"with {options}" if record.options != marks["options"] and options else "otherwise"
        if (record.trained_as, record.weights_digest) != (
            marks["trained_as"],
            marks["weights_digest"],
        ):
            was = "from another model"
        raise StorageError(
            f"{goal} holds an export that was not checked yet, made {was} than asked now.",
            hint="Delete it, or name another folder with --out.",
            where=str(goal),
        )
    return record.model_copy(update=marks)


def _proved(
    pipeline: Pipeline, wish: ExportWish, record: ExportRecord, goal: Path, standing: Clearance
) -> ExportRecord:
    """The record with what the check found, and the papers that tell it."""
    space = pipeline.workspace
    agreement, remarks = _asked(pipeline, wish, record.exported, standing)
    warnings = dict.fromkeys((*standing.sentences(wish.anyway), *remarks, *_scores_told(space)))
    record = record.model_copy(update={"agreement": agreement, "warnings": tuple(warnings)})
    record = with_files(record, write_card(space, record, goal, anyway=record.anyway))
    keep_record(record, goal, goal)
    return record


def _scores_told(space: Workspace) -> tuple[str, ...]:
    """Write the scores in other tools' forms into the run folder; what is told where it is shut.

    They hold the samples' texts, so no other folder takes its place; the export stands as it is.
    """
    try:
        write_results(space)
    except StorageError as error:
        return (NO_SCORES.format(error.message.rstrip(".")),)
    return ()


def with_files(record: ExportRecord, papers: tuple[str, ...]) -> ExportRecord:
    """The record with papers among the files that it names."""
    files = tuple(dict.fromkeys((*record.exported.files, *papers)))
    found = record.exported.model_copy(update={"files": files})
    return record.model_copy(update={"exported": found})


def _asked(
    pipeline: Pipeline, wish: ExportWish, found: Exported, standing: Clearance
) -> tuple[Agreement | None, tuple[str, ...]]:
    """The agreement, and what is to be said where nothing could be asked."""
    if wish.to == CARD:
        return None, ()
    if not wish.is_checked:
        return None, (UNASKED,)
    spends = pipeline.may_spend
    return certified(pipeline.workspace, found, wish, may_spend=spends, verified=standing.verified)
