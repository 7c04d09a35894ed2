"""A job given to a program of another project: written, run, listened to, its work taken over."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import yaml

from advisor.contracts import Tools
from advisor.errors import (
    AdvisorError,
    MissingProgramError,
    NonFiniteLossError,
    OutOfMemoryError,
    PlanError,
    TrainingError,
)
from advisor.schema.train import LossPoint, Served, TrainEvent, TrainJob, TrainResult
from trainers.engines.identity import unwatched
from trainers.engines.ledger import Ledger, Progress, storage_error, write_whole
from trainers.engines.lock import alone_in
from trainers.engines.outside.child import Child, Ended
from trainers.engines.outside.devices import visible_to
from trainers.engines.outside.hearing import Hearing
from trainers.engines.outside.made import (
    ADAPTER_CONFIG,
    checkpoints,
    history,
    trained_folder,
    weights_in,
)
from trainers.engines.recipes import Recipe
from trainers.engines.recipes.rows import planned_steps

RECIPE_FOLDER = "recipe"
TRAINED_FOLDER = "trained"
LOG_FILE = "log.txt"
NOTES_FILE = "NOTES.txt"
NO_MEMORY = ("out of memory", "outofmemoryerror", "cannot allocate memory")
TELLING = ("error", "exception", "refused", "invalid")
MOST_WORDS = 300
RESUME_KEY = "resume_from_checkpoint"


class Program(NamedTuple):
    """What is to be known of another project's program."""

    id: str
    name: str
    command: Callable[[TrainJob], tuple[str, ...]]
    """Words of the command, the program first."""
    package: str
    """The Python package whose version is told."""
    install: str
    """How to get it, in words."""
    config_file: str
    recipe: Callable[[TrainJob], Recipe]
    on_path: str = ""
    """The command that is there where it is installed."""
    is_here: Callable[[], bool] | None = None
    """Whether it is installed, where no command says so."""
    environment: Callable[[TrainJob], dict[str, str]] = lambda _job: {}
    """What it is told by variables."""


def train_outside(job: TrainJob, tools: Tools, program: Program) -> TrainResult:
    """Write the job down for the program, run it where it is installed, and take its work over.

    When `job.resume` is set, a finished job is handed back, and an interrupted one goes on from the
    program's newest whole checkpoint. Raises PlanError and DatasetError for what the program
    cannot do, MissingProgramError with the command to run elsewhere once everything is written,
    TrainingError, OutOfMemoryError, NonFiniteLossError, StorageError, and KeyboardInterrupt, with
    what is kept in words, when `tools.should_stop()` asked for it.
    """
    recipe = recipe_of(job, program)
    ledger = Ledger(unwatched(job), program.id)
    result = ledger.finished()
    if result is None:
        with alone_in(ledger.shared):
            result = ledger.finished() or _train(job, tools, program, recipe, ledger)
    tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
    return result


def recipe_of(job: TrainJob, program: Program) -> Recipe:
    """The job in the program's words; a base in a folder is named by its whole path."""
    base = Path(job.plan.model)
    if base.is_dir():
        plan = job.plan.model_copy(update={"model": str(base.resolve())})
        job = job.model_copy(update={"plan": plan})
    return program.recipe(job)


def write_recipe(recipe: Recipe, config_file: str, folder: Path) -> None:
    """Settings, files and notes into a folder. Raises StorageError."""
    for name, text in recipe.files.items():
        write_whole(folder / name, text)
    settings = yaml.safe_dump(recipe.values, sort_keys=False, allow_unicode=True)
    write_whole(folder / config_file, settings)
    write_whole(folder / NOTES_FILE, "".join(f"{note}\n" for note in recipe.notes))


def _train(
    job: TrainJob, tools: Tools, program: Program, recipe: Recipe, ledger: Ledger
) -> TrainResult:
    folder = ledger.folder / RECIPE_FOLDER
    progress = ledger.begin(resume=job.resume)
    for remark in ledger.remarks:
        tools.emit(TrainEvent(kind="note", message=remark))
    if not job.resume:
        shutil.rmtree(folder, ignore_errors=True)
    from_checkpoint = checkpoints(folder / TRAINED_FOLDER)[-1:] if job.resume else []
    goes_on = {RESUME_KEY: str(from_checkpoint[0])} if from_checkpoint else {}
    values = recipe.values | goes_on
    write_recipe(recipe._replace(values=values), program.config_file, folder)
    if not is_here(program):
        raise MissingProgramError(
            f"{program.name} is not installed here. The job is written to {folder}.",
            hint=f"Run it where {program.name} is ({program.install}):"
            f" {_by_hand(program, job, folder)}",
            where=f"trainer {program.id}",
        )
    if job.plan.nodes > 1:
        raise PlanError(
            f"The plan has {job.plan.nodes} nodes, and {program.name} is started on this one alone."
            f" The job is written to {folder}.",
            hint=f"Start it on each of them: {_by_hand(program, job, folder)}",
            where=f"trainer {program.id}",
        )
    told = program.environment(job) | visible_to(job.plan)
    hearing = Hearing(tools, planned_steps(job), _step_of(from_checkpoint), recipe.notes)
    began = time.perf_counter()
    child = Child(program.command(job), folder, folder / LOG_FILE)
    ended = child.run(hearing.hear, hearing.should_stop, told)
    spent = progress.wall_seconds + time.perf_counter() - began
    ledger.save(_noted(progress, hearing, ended, spent))
    if hearing.went_wrong:
        raise NonFiniteLossError(
            f"{program.name} reported a loss that is no number after step {hearing.step}.",
            hint="Lower the learning rate, or look for broken rows in the data.",
            where=str(folder / LOG_FILE),
        )
    if ended.stopped:
        _stopped(tools, hearing, folder)
    if ended.code != 0:
        raise _failed(program, ended, folder)
    return _taken_over(job, program, ledger, hearing, ended, spent)


def is_here(program: Program) -> bool:
    """Whether the program is installed."""
    if program.is_here is not None:
        return program.is_here()
    return shutil.which(program.on_path) is not None


def missing(program: Program) -> str:
    """What a list of plugins says where the program is not installed; empty where it is."""
    return "" if is_here(program) else f"{program.name} ({program.install})"


def _by_hand(program: Program, job: TrainJob, folder: Path) -> str:
    """What a person types to start a written job."""
    return f"cd {shlex.quote(str(folder))} && {started_by(program, job)}"


def started_by(program: Program, job: TrainJob) -> str:
    """The line that starts a written job in its folder."""
    told = program.environment(job) if job.plan.gpus > 1 else {}
    words = "".join(f"{name}={value} " for name, value in told.items())
    return f"{words}{shlex.join(program.command(job))}"


def _step_of(from_checkpoint: list[Path]) -> int:
    return int(from_checkpoint[0].name.rpartition("-")[2]) if from_checkpoint else 0


def _noted(progress: Progress, hearing: Hearing, ended: Ended, spent: float) -> Progress:
    peaks = (progress.peak_memory_gib, ended.peak_gib)
    peak = max((one for one in peaks if one), default=None)
    told = {"step": hearing.step, "wall_seconds": spent, "peak_memory_gib": peak}
    return progress.model_copy(update=told)


def _stopped(tools: Tools, hearing: Hearing, folder: Path) -> None:
    whole = checkpoints(folder / TRAINED_FOLDER)
    words = (
        f"{whole[-1].name} is whole, and --resume goes on from it"
        if whole
        else "no checkpoint was whole yet, and --resume begins anew"
    )
    step, said = _step_of(whole[-1:]), f"{words[0].upper()}{words[1:]}."
    tools.emit(TrainEvent(kind="checkpoint", step=step, total_steps=hearing.total, message=said))
    raise KeyboardInterrupt(words)


def _failed(program: Program, ended: Ended, folder: Path) -> AdvisorError:
    """What the last lines say, the last telling one first."""
    if any(mark in line.lower() for line in ended.tail for mark in NO_MEMORY):
        return OutOfMemoryError(
            f"{program.name} ran out of memory.",
            hint="Plan a smaller micro_batch_size or sequence_length, or method qlora.",
            where=str(folder / LOG_FILE),
        )
    telling = [line for line in ended.tail if any(mark in line.lower() for mark in TELLING)]
    last = (telling or list(ended.tail) or ["it said nothing"])[-1].strip()
    return TrainingError(
        f"{program.name} ended with code {ended.code}: {last[:MOST_WORDS]}",
        hint="The log has what it said before; mend the cause and run again.",
        where=str(folder / LOG_FILE),
    )


def _taken_over(
    job: TrainJob, program: Program, ledger: Ledger, hearing: Hearing, ended: Ended, spent: float
) -> TrainResult:
    place = ledger.folder / RECIPE_FOLDER / TRAINED_FOLDER
    found = trained_folder(place)
    if found is None:
        raise TrainingError(
            f"{program.name} ended well, and left neither an adapter nor a model.",
            hint="Look into its log for where it wrote to.",
            where=str(ledger.folder / RECIPE_FOLDER / LOG_FILE),
        )
    log = history(place)
    draft = _moved(found, ledger)
    trained = weights_in(draft)
    is_whole = not (draft / ADAPTER_CONFIG).is_file()
    result = TrainResult(
        trainer=program.id,
        method=job.plan.method,
        objective=job.plan.objective,
        output_dir=str(ledger.shared),
        served_by=Served(backend="transformers", model=str(ledger.final)),
        loss=_curve(log) or hearing.curve,
        steps=max((int(entry.get("step", 0)) for entry in log), default=0) or hearing.step,
        trainable_parameters=trained or 0,
        peak_memory_gib=None if _has_gpu() else ended.peak_gib or None,
        memory_tier="process",
        tokens_per_second=None,
        wall_seconds=spent,
        train_samples=len(job.train_samples),
        versions=_version(program.package),
        seed=job.plan.seed,
        resumed_from_step=hearing.first or None,
        dev_loss_after=hearing.evaluations[-1].loss if hearing.evaluations else None,
        evaluations=tuple(hearing.evaluations),
        notes=_notes(program, hearing, is_whole=is_whole, is_counted=trained is not None),
    )
    ledger.finish(draft, result)
    shutil.rmtree(place, ignore_errors=True)
    return result


def _moved(found: Path, ledger: Ledger) -> Path:
    """The model's files in the ledger's draft; checkpoints and states of the optimizer stay."""
    draft = ledger.draft()
    leave = shutil.ignore_patterns("checkpoint-*", "optimizer.*", "scheduler.*", "rng_state*")
    try:
        shutil.copytree(found, draft, dirs_exist_ok=True, ignore=leave)
    except OSError as error:
        raise storage_error(error, ledger.folder) from error
    return draft


def _curve(log: list[dict[str, object]]) -> tuple[LossPoint, ...]:
    points = [(entry.get("step"), entry.get("loss")) for entry in log]
    return tuple(
        LossPoint(step=step, loss=float(loss))
        for step, loss in points
        if isinstance(step, int) and isinstance(loss, int | float)
    )


def _notes(
    program: Program, hearing: Hearing, *, is_whole: bool, is_counted: bool
) -> tuple[str, ...]:
    notes = [f"{program.name} trained, as its own program; its log is kept.", *hearing.notes]
    if is_whole:
        notes.append("The trained parameters are counted as all that the model's files hold.")
    if not is_counted:
        notes.append("The trained parameters could not be counted: there is no safetensors file.")
    return tuple(notes)


def _version(package: str) -> dict[str, str]:
    """The package's version, where it lives in this environment."""
    try:
        return {package: metadata.version(package)}
    except metadata.PackageNotFoundError:
        return {}


def _has_gpu() -> bool:
    """Whether training took a GPU's memory, which nobody outside the program can measure."""
    return shutil.which("nvidia-smi") is not None
