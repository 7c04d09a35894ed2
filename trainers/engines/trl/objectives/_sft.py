"""Supervised tuning: token rows in the form the tuned model is asked in, loss on answers only."""

from __future__ import annotations

from typing import Any

from trl import SFTConfig, SFTTrainer

from advisor.contracts import Tools
from advisor.schema.train import TrainJob
from trainers.engines.trl._rows import dev_rows, rows_of
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._losses import MOST_DEV_SAMPLES, mean_loss

TAKEN_AS_THEY_ARE: dict[str, Any] = {"dataset_kwargs": {"skip_prepare_dataset": True}}
"""The rows are tokens already."""


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Rows of conversations.

    Raises DatasetError when nothing fits the sequence length, more than a tenth does not, or a
    sample asks nothing or has an answer marked as bad.
    """
    _ = tools
    plan = job.plan
    form = {"sequence_length": plan.sequence_length}
    rows = rows_of(job.train_samples, job.instruction, tokenizer, **form)
    dev = dev_rows(job.dev_samples[:MOST_DEV_SAMPLES], job.instruction, tokenizer, **form)
    labels = rows.dataset["labels"]
    return Course(
        trainer=SFTTrainer,
        settings=SFTConfig,
        dataset=rows.dataset,
        lengths=tuple(len(one) for one in labels),
        trained_tokens=sum(label >= 0 for one in labels for label in one),
        arguments=TAKEN_AS_THEY_ARE,
        dev_loss=lambda trainer: mean_loss(trainer, dev),
        left_out=rows.too_long,
        notes=_notes(job, rows.too_long, rows.longest),
    )


def _notes(job: TrainJob, too_long: int, longest: int) -> tuple[str, ...]:
    if not too_long:
        return ()
    told = f"{too_long} of {len(job.train_samples)} training samples exceed"
    limit = f"{job.plan.sequence_length} tokens (longest {longest})"
    return (f"{told} {limit} and were left out.",)
