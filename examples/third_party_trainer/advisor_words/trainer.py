"""The trainer: steps with events, stopping and resuming, a result with honest notes."""

from __future__ import annotations

import math
import random
import resource
import time
from pathlib import Path

from pydantic import ValidationError

from advisor.contracts import Tools, TrainerInfo
from advisor.errors import DatasetError
from advisor.schema.train import LossPoint, Served, TrainEvent, TrainJob, TrainResult
from advisor_words.keeping import (
    CHECKPOINT_FILE,
    FINAL_FOLDER,
    MODEL_FILE,
    RESULT_FILE,
    digest_of,
    read,
    write,
)
from advisor_words.model import WordModel, words

KIB_PER_GIB = 1024**2
RATE = 1.0
"""Words are few in a text, so that steps can be long; the plan's rate is for a language model."""
NOTES = (
    "A softmax over the words of the text was trained; no language model was.",
    "The plan's base model, method, rank and learning rate have no meaning for this trainer.",
    "It answers with one of the training answers, whole.",
)


class WordsTrainer:
    """Learns which words speak for which answer."""

    info = TrainerInfo(
        id="words", label="Words for answers (example)", pairs=(("sft", "full"), ("sft", "lora"))
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train, or go on, or hand back the finished result of this very job.

        Raises DatasetError without samples, StorageError, and KeyboardInterrupt when
        `tools.should_stop()` asked for it; a checkpoint is then in place.
        """
        if not job.train_samples:
            raise DatasetError(
                "There are no training samples.", hint="Give data that leaves a train split."
            )
        folder = Path(job.output_dir) / digest_of(job)
        result = finished(folder)
        if result is None:
            result = _Run(job, tools, folder).result()
        tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
        return result


def finished(folder: Path) -> TrainResult | None:
    """The stored result, where the model that it tells of is whole."""
    told, model = read(folder / RESULT_FILE), folder / FINAL_FOLDER / MODEL_FILE
    if told is None or read(model) is None:
        return None
    try:
        return TrainResult.model_validate(told)
    except ValidationError:
        return None


class _Run:
    """One training from its first or its next step to its end."""

    def __init__(self, job: TrainJob, tools: Tools, folder: Path) -> None:
        self._job, self._tools, self._folder = job, tools, folder
        self._model = WordModel.of(sample.target for sample in job.train_samples)
        self._losses: list[float] = []
        self._seconds = 0.0
        plan = job.plan
        self._batch = plan.micro_batch_size * plan.gradient_accumulation_steps
        self._total = max(1, math.ceil(len(job.train_samples) / self._batch * plan.epochs))

    def result(self) -> TrainResult:
        """Train to the end and keep what came of it."""
        first = self._taken_up() if self._job.resume else 0
        kind = "resume" if first else "start"
        self._tools.emit(TrainEvent(kind=kind, step=first, total_steps=self._total))
        started = time.perf_counter() - self._seconds
        for step in range(first + 1, self._total + 1):
            self._step(step)
            self._seconds = time.perf_counter() - started
            if step < self._total and self._tools.should_stop():
                self._keep(step)
                raise KeyboardInterrupt
        return self._made(first)

    def _step(self, step: int) -> None:
        rows = self._job.train_samples
        per_epoch = math.ceil(len(rows) / self._batch)
        epoch, place = divmod(step - 1, per_epoch)
        order = list(range(len(rows)))
        # Each epoch's order follows from the seed alone, so that a resumed run goes the same way.
        random.Random(f"{self._job.plan.seed}-{epoch}").shuffle(order)
        chosen = [rows[i] for i in order[place * self._batch : (place + 1) * self._batch]]
        batch = [(words(s.input), self._model.answers.index(s.target)) for s in chosen]
        loss = self._model.step(batch, RATE)
        self._losses.append(loss)
        self._tools.emit(TrainEvent(kind="step", step=step, total_steps=self._total, loss=loss))

    def _taken_up(self) -> int:
        """The step of a whole checkpoint, its weights put in; 0 without one."""
        told = read(self._folder / CHECKPOINT_FILE)
        if told is None:
            return 0
        self._model = WordModel(**told["model"])
        self._losses, self._seconds = told["losses"], told["seconds"]
        return len(self._losses)

    def _keep(self, step: int) -> None:
        told = {"model": vars(self._model), "losses": self._losses, "seconds": self._seconds}
        write(self._folder / CHECKPOINT_FILE, told)
        self._tools.emit(TrainEvent(kind="checkpoint", step=step, total_steps=self._total))

    def _made(self, first: int) -> TrainResult:
        job, final = self._job, self._folder / FINAL_FOLDER
        write(final / MODEL_FILE, vars(self._model))
        result = TrainResult(
            trainer=WordsTrainer.info.id,
            method=job.plan.method,
            objective=job.plan.objective,
            output_dir=job.output_dir,
            served_by=Served(backend="words", model=str(final)),
            loss=tuple(LossPoint(step=i, loss=v) for i, v in enumerate(self._losses, start=1)),
            steps=self._total,
            trainable_parameters=(len(self._model.weights) + 1) * len(self._model.answers),
            peak_memory_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB,
            memory_tier="process",
            tokens_per_second=None,
            wall_seconds=self._seconds,
            train_samples=len(job.train_samples),
            versions={},
            seed=job.plan.seed,
            resumed_from_step=first or None,
            notes=NOTES,
        )
        write(self._folder / RESULT_FILE, result.model_dump(mode="json"))
        (self._folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        return result
