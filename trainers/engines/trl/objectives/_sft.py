"""Supervised tuning: token rows in the form the tuned model is asked in, loss on answers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from advisor.contracts import Tools
from advisor.schema.train import TrainJob, looked_at
from trainers.engines.trl._rows import IGNORED, Row, Rows, dev_rows, rows_of
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._general import mixed
from trainers.engines.trl.objectives._losses import longest_of, mean_loss
from trainers.methods.options import flag


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Rows of conversations; general data among them as the plan asks.

    Option: `all_turns` (off: of a conversation the last answer is learnt from, and earlier ones
    that the data gives the weight 1). Raises DatasetError when nothing fits the sequence length,
    more than a tenth does not, or a sample asks nothing or has an answer marked as bad.
    """
    _ = tools
    plan = job.plan
    all_turns = flag(plan, "all_turns", default=False)
    samples, told = job.train_samples, job.instruction
    length = plan.sequence_length
    rows = rows_of(samples, told, tokenizer, sequence_length=length, all_turns=all_turns)
    dataset, notes = mixed(rows.dataset, job, tokenizer)
    seen = looked_at(job.dev_samples, plan.seed)
    dev = dev_rows(seen, told, tokenizer, sequence_length=length, all_turns=all_turns)
    return of_rows(dataset, dev, left_out=rows.too_long, notes=(*_notes(job, rows), *notes))


def of_rows(
    dataset: Dataset, dev: Sequence[Row], *, left_out: int = 0, notes: tuple[str, ...] = ()
) -> Course:
    """Next-token training on rows of input ids and labels, taken as they are."""
    labels = dataset["labels"]
    return Course(
        trainer=SFTTrainer,
        settings=SFTConfig,
        dataset=dataset,
        lengths=tuple(len(one) for one in labels),
        trained_tokens=sum(label != IGNORED for one in labels for label in one[1:]),
        arguments={"dataset_kwargs": {"skip_prepare_dataset": True}},
        dev_loss=lambda trainer: mean_loss(trainer, dev),
        longest_look=lambda trainer: mean_loss(trainer, longest_of(dev)),
        left_out=left_out,
        notes=notes,
    )


def _notes(job: TrainJob, rows: Rows) -> tuple[str, ...]:
    notes = []
    if rows.too_long:
        told = f"{rows.too_long} of {len(job.train_samples)} training samples exceed"
        limit = f"{job.plan.sequence_length} tokens (longest {rows.longest})"
        notes.append(f"{told} {limit} and were left out.")
    if rows.unmarked:
        notes.append(
            f"{rows.unmarked} earlier answers are not learnt from: the model's chat template"
            " writes them otherwise once the conversation goes on."
        )
    return tuple(notes)
