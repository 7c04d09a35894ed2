"""A finished run's model written in another form, and the proof that it is what was evaluated."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.artifacts import document, not_empty, whole_folder, write_text
from advisor.assembly import tuned_place
from advisor.certifying import ASKED
from advisor.checking import (
    CHECK_LATER,
    ExportWish,
    certified,
    certified_without_run,
    refuse_uncheckable,
)
from advisor.contracts import PluginInfo, Progress
from advisor.errors import (
    ConsentError,
    InputError,
    MissingArtifactError,
    ModelFolderError,
    PlanError,
    UnknownPluginError,
)
from advisor.paperwork import write_paperwork
from advisor.pipeline import Pipeline
from advisor.schema.export import Agreement, Exported, ExportJob, ExportRecord
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
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
RECORD = "export.json"
UNASKED = "Not checked against the evaluated model, as asked (--no-check)."
OURS = (RECORD, "README.md")
"""What is written beside an exporter's files."""


def export_run(pipeline: Pipeline, wish: ExportWish) -> ExportRecord:
    """The run's tuned model in another form, checked, with its record and its papers beside it.

    Raises UnknownPluginError for a form that nothing writes, ConsentError for a model that was not
    kept, MissingArtifactError before verification, StorageError for a folder that holds something,
    and what the exporter and the check raise. Nothing half-written is left.
    """
    space = pipeline.workspace
    info = _form(wish.to)
    goal = (wish.out or space.folder.path / EXPORTS / wish.to).resolve()
    if wish.check_at:
        return _served_checked(pipeline, wish, goal)
    if "training" in info.needs:
        return _recipe(pipeline, wish, goal)
    record = _left_unchecked(goal, wish)
    if record is None:
        verdict, warnings = _standing(space, wish)
        if wish.is_checked and wish.to != CARD:
            refuse_uncheckable(space, may_spend=pipeline.may_spend)
        found = _written(space, wish, goal)
        record = ExportRecord(
            exported=found, verification=verdict, warnings=(*warnings, CHECK_LATER)
        )
        _keep(record, goal)
    elif not wish.is_checked:
        raise not_empty(goal)
    return _proved(pipeline, wish, record, goal)


def export_folder(
    model: Path, wish: ExportWish, goal: Path, *, instruction: str = "", progress: Progress
) -> ExportRecord:
    """A model's folder in another form, checked on packaged questions: no run stands behind it.

    The record lies beside it. Raises ModelFolderError, StorageError, and what the exporter and the
    check raise.
    """
    tools = Tools(seed=0, instruction=instruction, cache_dir=Path(), progress=progress)
    job = ExportJob(
        model=str(model),
        name=served_name(wish.name or goal.name, told=bool(wish.name)),
        output_dir=".",
        instruction=instruction,
        options=wish.options,
    )
    found = exported(job, wish.to, tools, goal)
    agreement: Agreement | None = None
    remarks: tuple[str, ...] = (UNASKED,)
    if wish.is_checked:
        agreement, remarks = certified_without_run(
            model, found, instruction=instruction, most=wish.check or ASKED, progress=progress
        )
    record = ExportRecord(exported=found, agreement=agreement, warnings=remarks)
    _keep(record, goal)
    return record


def exported(job: ExportJob, exporter: str, tools: Tools, goal: Path) -> Exported:
    """What an exporter makes of a job, whole in `goal` or not at all.

    It is written beside the goal and moved there at the end. Raises StorageError where the goal
    holds something, PlanError for an option that the exporter does not know, and what it raises.
    """
    plugin = registry.exporter(exporter)
    strange = [name for name in job.options if name not in plugin.info.options]
    if strange:
        known = ", ".join(plugin.info.options) or "none"
        raise PlanError(
            f"Exporting as {exporter} knows no option '{strange[0]}'.",
            hint=f"It knows: {known}.",
            where="--option",
        )
    with whole_folder(goal, "export") as place:
        found = plugin.export(job.model_copy(update={"output_dir": str(place)}), tools)
    return Exported.model_validate(_moved(found.model_dump(), str(place), str(goal)))


def _moved(value: Any, before: str, after: str) -> Any:
    """A value with one path for another wherever it stands in a text."""
    if isinstance(value, str):
        return value.replace(before, after)
    if isinstance(value, dict):
        return {key: _moved(item, before, after) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_moved(item, before, after) for item in value]
    return value


def _form(name: str) -> PluginInfo:
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


def _standing(space: Workspace, wish: ExportWish) -> tuple[str, tuple[str, ...]]:
    """The verdict on the model, and what a reader of the record should know of it.

    Raises ConsentError and MissingArtifactError for a model that nobody has proved to help.
    """
    folder = space.folder
    verdict = folder.read("verify", Verification).verdict if folder.has("verify") else ""
    warnings = [
        f"The {what} is stale: something that it was made from has changed since."
        for stage, what in (("train", "training"), ("verify", "verification"))
        if folder.freshness(stage) == "stale"  # type: ignore[arg-type]
    ]
    if verdict == "keep":
        return verdict, tuple(warnings)
    if not wish.anyway:
        raise _unproved(space, verdict)
    told = f"the verification says {verdict}" if verdict else "it was never verified"
    return verdict, (f"Exported although {told}: {wish.anyway}", *warnings)


def _unproved(space: Workspace, verdict: str) -> ConsentError | MissingArtifactError:
    override = "add --anyway REASON, which is kept in the record and on the model card"
    if verdict:
        return ConsentError(
            f"The verification says {verdict}: this model is not exported.",
            hint=f"Look at `advisor report`; to export it anyway, {override}.",
            where=str(space.folder.path),
        )
    return MissingArtifactError(
        "Nothing proves that this model helps: 7-verify.json is not there yet.",
        hint=f"Run `advisor verify --run-dir {space.folder.path}` first; to export it anyway,"
        f" {override}.",
        where=str(space.folder.path),
    )


def _written(space: Workspace, wish: ExportWish, goal: Path) -> Exported:
    """The model's files in their place."""
    training = space.folder.read("train", TrainResult)
    if wish.to == CARD:
        with whole_folder(goal, "export"):
            pass
        return Exported(exporter=CARD, output_dir=str(goal), files=())
    model = Path(tuned_place(space, training))
    if not model.is_dir():
        raise ModelFolderError(
            f"The trained model is not there: '{training.served_by.model}' is no folder.",
            hint="Put it back, or train again; what a service has tuned stays with the service.",
            where=str(space.folder.path),
        )
    job = _job(space, wish, str(model))
    return exported(job, wish.to, space.tools(), goal)


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
    """The training written down for another engine: no weights, so nothing to be checked."""
    space = pipeline.workspace
    for sentence in changed_since(space):
        raise InputError(
            f"The training cannot be written down. {sentence}",
            hint=f"Run `advisor run --run-dir {space.folder.path}` again.",
            where=str(space.folder.path),
        )
    plan = pipeline.plan()
    option = None if is_served(space) else pipeline.option()
    rows = training_samples(space, pipeline.decide())
    training = training_job(space, plan, rows, option=option, limit=Limit(), resume=False)
    job = _job(space, wish, space.tuned_path).model_copy(
        update={"train_job": training, "plan": training.plan}
    )
    record = ExportRecord(exported=exported(job, wish.to, space.tools(), goal))
    _keep(record, goal)
    return record


def _served_checked(pipeline: Pipeline, wish: ExportWish, goal: Path) -> ExportRecord:
    """An export that was made before, checked where it is served now."""
    record = read_record(goal)
    if record is None or record.exported.exporter != wish.to:
        raise MissingArtifactError(
            f"{goal} holds no export as {wish.to} that could be served.",
            hint="Export first, serve what was written, then check it with --check-at.",
            where=str(goal),
        )
    served_as = wish.served_as or served_name(wish.name or pipeline.settings.name)
    return _proved(pipeline, replace(wish, served_as=served_as), record, goal)


def _left_unchecked(goal: Path, wish: ExportWish) -> ExportRecord | None:
    """What an earlier call has written there and was stopped before it had checked."""
    record = read_record(goal)
    waits = record is not None and CHECK_LATER in record.warnings
    return record if record and waits and record.exported.exporter == wish.to else None


def _proved(pipeline: Pipeline, wish: ExportWish, record: ExportRecord, goal: Path) -> ExportRecord:
    """The record with what the check found, and the papers that tell it."""
    space = pipeline.workspace
    agreement, remarks = _asked(pipeline, wish, record.exported)
    kept = tuple(one for one in record.warnings if one != CHECK_LATER)
    record = record.model_copy(
        update={"agreement": agreement, "warnings": tuple(dict.fromkeys((*kept, *remarks)))}
    )
    papers = write_paperwork(space, record, goal, anyway=wish.anyway)
    files = dict.fromkeys((*record.exported.files, *(n for n in papers if (goal / n).is_file())))
    found = record.exported.model_copy(update={"files": tuple(files)})
    record = record.model_copy(update={"exported": found})
    _keep(record, goal)
    return record


def _asked(
    pipeline: Pipeline, wish: ExportWish, found: Exported
) -> tuple[Agreement | None, tuple[str, ...]]:
    """The agreement, and what is to be said where nothing could be asked."""
    if wish.to == CARD:
        return None, ()
    if not wish.is_checked:
        return None, (UNASKED,)
    return certified(pipeline.workspace, found, wish, may_spend=pipeline.may_spend)


def read_record(folder: Path) -> ExportRecord | None:
    """The record beside an export; None where there is none that can be read."""
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        body = {key: told[key] for key in ExportRecord.model_fields if key in told}
        return ExportRecord.model_validate(body)
    except (OSError, ValueError, TypeError):
        return None


def _keep(record: ExportRecord, goal: Path) -> None:
    text = json.dumps(document(record), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(goal / RECORD, text + "\n", option="--out")
