"""Hands one job to one trainer, after checking that the two belong together."""

from __future__ import annotations

import tempfile
from pathlib import Path

from advisor import registry
from advisor.contracts import Applying, Tools, Trainer, TrainerInfo
from advisor.errors import DatasetError, PlanError, PluginError, StorageError
from advisor.schema.train import TrainJob, TrainResult


def train(job: TrainJob, *, trainer: Trainer, tools: Tools) -> TrainResult:
    """What the trainer produced and measured.

    Raises PluginError when the trainer does not take the plan's objective and method, PlanError
    for a method that can only be estimated,
    DatasetError without samples, StorageError when the output folder cannot be written, and
    whatever TrainingError the trainer meets.
    """
    _check_pair(job, trainer)
    check_trains(trainer.info, job.plan.method)
    if not job.train_samples:
        raise DatasetError(
            "There are no training samples.", hint="Give a data file that leaves a train split."
        )
    _check_writable(Path(job.output_dir))
    return trainer.train(job, tools)


def _check_pair(job: TrainJob, trainer: Trainer) -> None:
    pair = (job.plan.objective, job.plan.method)
    if takes(trainer.info, *pair):
        return
    taken = ", ".join(f"{objective} with {method}" for objective, method in trainer.info.pairs)
    raise PluginError(
        f"The trainer '{trainer.info.id}' does not take {pair[0]} with {pair[1]}.",
        hint=f"It takes: {taken or 'nothing'}.",
        where=f"trainer {trainer.info.id}",
    )


def takes(info: TrainerInfo, objective: str, method: str) -> bool:
    """Whether a trainer takes the objective with the method; `*` stands for every method."""
    return (objective, method) in info.pairs or (objective, "*") in info.pairs


def check_trains(info: TrainerInfo, method: str) -> None:
    """Raise PlanError for a method that a trainer of every method cannot put on a model."""
    is_named = any(named == method for _, named in info.pairs)
    if is_named or not info.pairs or isinstance(registry.method(method), Applying):
        return
    trained = [n for n in registry.names("advisor.methods") if _is_applied(n)]
    raise PlanError(
        f"The method '{method}' can be estimated, but the trainer '{info.id}' cannot train it.",
        hint=f"Choose with --method one that is trained: {', '.join(trained)}.",
    )


def _is_applied(method: str) -> bool:
    return isinstance(registry.method(method), Applying)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"The output folder cannot be written: {error.strerror or error}.",
            hint="Choose another folder with --run-dir.",
            where=str(folder),
        ) from error
