"""A model's own folder in another form, asked on the tasks of the runs that it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from advisor.artifacts import write_text
from advisor.contracts import Progress
from advisor.errors import PlanError
from advisor.render.combined_card import to_combined_card
from advisor.schema.export import Agreement, ExportJob, ExportRecord
from advisor.schema.train import Served
from advisor.shipping.certifying import ASKED, summed
from advisor.shipping.checking import (
    LOCAL_BACKEND,
    Evaluated,
    ExportWish,
    certified_on,
    certified_without_run,
    refuse_uncheckable,
)
from advisor.shipping.clearance import combination_in, refuse, standing_of_folder
from advisor.shipping.export_record import HERE, keep_record
from advisor.shipping.exporting import (
    CARD,
    UNASKED,
    exported,
    form_of,
    left_unchecked,
    marks_of,
    refuse_options,
    served_name,
    with_files,
)
from advisor.shipping.known_tasks import Known, known_tasks
from advisor.shipping.paperwork import CARD as CARD_FILE
from advisor.shipping.whole_folder import not_empty
from advisor.tools import Tools

PACKAGED = "packaged questions"
"""What stands in the place of a task's name where no task can be asked."""
NO_TASK = (
    "Nothing is known of the task that this model was tuned for, so packaged questions were asked"
    " of both; no score is told, only whether the answers are the same."
)
GONE = "Not asked on the samples of {}: {}."
IN_PLACE = "Packaged questions were asked instead; no score is told of them."


def export_folder(
    model: Path,
    wish: ExportWish,
    goal: Path,
    *,
    may_spend: bool = False,
    progress: Progress,
) -> ExportRecord:
    """A model's folder in another form, with its record beside it.

    A combination is exported where its verification kept it. Both are asked the locked samples of
    the runs that the model comes from, each as that run asks; packaged questions where none is
    there. Raises UnknownPluginError, ModelFolderError, StorageError, what a combination's standing
    raises, ConsentError where a run's judge costs money, and what the exporter and the check raise.
    """
    if wish.to == CARD or "weights" not in form_of(wish.to).needs:
        raise PlanError(
            f"Only a run's model can be exported as {wish.to}.",
            hint="Name the run: --run-dir DIR.",
            where="--to",
        )
    refuse_options(wish.to, _job(model, wish, goal, Known()))
    known = known_tasks(model, progress)
    wish = replace(wish, instruction=wish.instruction or known.instruction)
    job = _job(model, wish, goal, known)
    standing = standing_of_folder(model)
    refuse(standing, wish.anyway, place=model, again="advisor combine")
    marks = marks_of(standing, job, wish)
    record = left_unchecked(goal, wish.to, marks)
    for task in known.tasks if wish.is_checked else ():
        refuse_uncheckable(task.space, may_spend=may_spend)
    if record is None:
        tools = Tools(seed=0, instruction=job.instruction, cache_dir=Path(), progress=progress)
        record = exported(job, wish.to, tools, goal, marks)
    elif not wish.is_checked:
        raise not_empty(goal)
    update: dict[str, object] = {"agreement": None}
    remarks: tuple[str, ...] = (UNASKED,)
    if wish.is_checked:
        found, remarks = _asked(model, record, wish, known, may_spend=may_spend, progress=progress)
        several = found if len(found) > 1 else {}
        update = {"agreement": summed(found), "agreements": several}
    told = (*standing.sentences(wish.anyway), *known.remarks, *remarks)
    record = record.model_copy(update=update | {"warnings": tuple(dict.fromkeys(told))})
    return _kept(record, model, goal)


def _job(model: Path, wish: ExportWish, goal: Path, known: Known) -> ExportJob:
    longest = max((task.space.settings.max_new_tokens for task in known.tasks), default=None)
    told = {} if longest is None else {"max_new_tokens": longest}
    return ExportJob(
        model=str(model),
        name=served_name(wish.name or goal.name, told=bool(wish.name)),
        output_dir=HERE,
        instruction=wish.instruction,
        options=wish.options,
        **told,
    )


def _asked(
    model: Path,
    record: ExportRecord,
    wish: ExportWish,
    known: Known,
    *,
    may_spend: bool,
    progress: Progress,
) -> tuple[dict[str, Agreement], tuple[str, ...]]:
    """What is found on each task, by its name, and what is to be said of it."""
    found, remarks = {}, []
    here = Served(backend=LOCAL_BACKEND, model=str(model))
    for task in known.tasks:
        served = task.served or here
        before = Evaluated(served, f"{served.backend}: {model.name}", task.verified)
        one, told = certified_on(task.space, before, record.exported, wish, may_spend=may_spend)
        found[task.name] = one
        remarks += [f"{task.name}: {sentence}" for sentence in told]
    remarks += [GONE.format(name, why.rstrip(".")) for name, why in known.gone.items()]
    if known.gone or not known.tasks:
        found[PACKAGED], told = certified_without_run(
            model,
            record.exported,
            instruction=wish.instruction,
            most=wish.check or ASKED,
            progress=progress,
        )
        remarks += [IN_PLACE if known.gone else NO_TASK, *told]
    return found, tuple(remarks)


def _kept(record: ExportRecord, model: Path, goal: Path) -> ExportRecord:
    """The record beside the export, and of a combination its card."""
    combined = combination_in(model)
    if combined is not None:
        record = with_files(record, (CARD_FILE,))
        write_text(goal / CARD_FILE, to_combined_card(combined, record), option="--out")
    keep_record(record, goal, goal)
    return record
