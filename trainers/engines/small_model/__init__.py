"""Tunes an encoder to tell labels apart: a small model that answers with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from advisor.contracts import Tools, TrainerInfo
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainEvent, TrainJob, TrainResult
from trainers.engines.ledger import Ledger
from trainers.engines.lock import alone_in
from trainers.engines.small_model.choices import METHODS, choice_of, labels_of, refuse
from trainers.engines.small_model.texts import sample_text
from trainers.engines.trl.quiet import quiet

NEEDED = {
    "rag": ("sentence_transformers", "sklearn"),
    "train": ("torch", "transformers", "peft", "psutil"),
}


class SmallModelTrainer:
    """An encoder with a head for the train samples' distinct targets.

    Options: `way` (`encoder`: cross-entropy through encoder and head, which begins as the mean
    directions of the labels' rows; `contrastive`: texts of one label are drawn together, then a
    logistic regression; `head`: the logistic regression alone, on the encoder's own vectors),
    `encoder` (a folder; else the plan's model where it is an encoder, else the packaged one),
    `penalty` of the regression, `layers` with the method freeze. The first look is at the logistic
    regression, so that it is what is kept where no tuning gains.
    """

    info = TrainerInfo(
        id="small_model",
        label="an encoder for labels, on this machine",
        extra="rag",
        approach="small_model",
        options=("way", "encoder", "penalty", "layers"),
        pairs=tuple(("classification", method) for method in METHODS),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train, or continue, or hand back the stored result of this very job.

        Raises PlanError, MissingExtraError, DatasetError, ModelFolderError, OutOfMemoryError,
        NonFiniteLossError, StorageError, TrainingError when another process trains in the folder,
        and KeyboardInterrupt when `tools.should_stop()` asked for it (a checkpoint is then there).
        """
        refuse(job.plan)
        labels_of(job.train_samples)
        encoder = str(choice_of(job.plan).encoder)
        ledger = Ledger(
            job, f"{self.info.id} {encoder}" if encoder != job.plan.model else self.info.id
        )
        stored = ledger.finished()
        if stored is not None:
            ledger.tidy()
            tools.emit(TrainEvent(kind="end", step=stored.steps, total_steps=stored.steps))
            return stored
        for extra, names in NEEDED.items():
            if any(find_spec(name) is None for name in names):
                raise MissingExtraError("Tuning a small model", extra)
        with alone_in(ledger.shared), quiet():
            from trainers.engines.small_model._run import run  # noqa: PLC0415 - delays torch

            return ledger.finished() or run(job, tools, ledger)

    def row_lengths(self, samples: Sequence[Sample], plan: Plan, instruction: str) -> list[int]:
        """Tokens of what is read of every sample, by the encoder's tokenizer; no instruction is.

        Raises MissingExtraError, ModelFolderError and PlanError.
        """
        del instruction
        if find_spec("transformers") is None:
            raise MissingExtraError("Counting tokens with the encoder's own tokenizer", "train")
        with quiet():
            from trainers.engines.small_model._lengths import (  # noqa: PLC0415 - seconds to import
                token_lengths,
            )

            return token_lengths(choice_of(plan).encoder, [sample_text(s) for s in samples])
