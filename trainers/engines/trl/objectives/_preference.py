"""Learning from preferences: DPO, ORPO and KTO on rows of our own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from advisor.contracts import Tools
from advisor.errors import DatasetError, PlanError
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob, looked_at
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._looks import Looked, own_loss
from trainers.engines.trl.objectives._pairs import (
    Marked,
    Pair,
    Pairs,
    fits,
    fits_marks,
    marked_of,
    marks_of,
    pair_of,
    pairs_of,
)
from trainers.engines.trl.objectives._reference import Reference
from trainers.engines.trl.objectives._told import left_out, unheeded
from trainers.objectives.preferring import dpo_settings, kto_settings

SHARDED = "fsdp"


class Referenced(Looked):
    """A trainer whose reference is the model as it stood before the first step."""

    columns: tuple[str, ...] = ()
    """Where the reference's log-probabilities stand, in the order in which they are computed."""

    def __init__(self, *, model: Any, args: Any, **named: Any) -> None:
        at_start = args.precompute_ref_log_probs
        reference = Reference(model, is_asked_at_start=at_start)
        super().__init__(model=model, args=args, ref_model=reference, **named)

    def prepared(self, rows: Dataset) -> Dataset:
        """With the reference's part, where it is computed before training."""
        rows = self._prepare_dataset(rows)
        if not self.precompute_ref_logps:  # type: ignore[attr-defined]
            return rows
        size = self.args.per_device_train_batch_size  # type: ignore[attr-defined]
        return self._precompute_ref_logps(rows, "dev", size)

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """The library's, without its cache: that is named after weights which we do not hold."""
        _ = name
        columns: list[list[float]] = [[] for _ in self.columns]
        for start in range(0, len(dataset), batch_size):
            part = [dataset[i] for i in range(start, min(start + batch_size, len(dataset)))]
            inputs = self._prepare_inputs(self.data_collator(part))  # type: ignore[attr-defined]
            found = self.compute_ref_log_probs(self.ref_model, inputs)  # type: ignore[attr-defined]
            for column, values in zip(columns, found, strict=True):
                column.extend(values.float().tolist())
        for column_name, column in zip(self.columns, columns, strict=True):
            dataset = dataset.add_column(column_name, column)
        return dataset


class PairTrainer(Referenced, DPOTrainer):  # type: ignore[misc]
    """DPO on rows of tokens."""

    columns = ("ref_chosen_logps", "ref_rejected_logps")


class MarkTrainer(Referenced, KTOTrainer):  # type: ignore[misc]
    """KTO on rows of tokens."""

    columns = ("ref_logps", "ref_KL_logps")

    def __init__(self, *, args: Any, **named: Any) -> None:
        if args.per_device_train_batch_size < 2:
            raise PlanError(
                "KTO weighs an answer against another sample's: it needs a micro-batch of 2.",
                hint="Set micro_batch_size 2 and half the gradient_accumulation_steps.",
            )
        super().__init__(args=args, **named)

    def _prepare_dataset(
        self, dataset: Dataset, _tokenizer: Any = None, args: Any = None, _name: str = ""
    ) -> Dataset:
        """Each answer's neighbour in the same micro-batch, mismatched, for the average."""
        size = (self.args if args is None else args).per_device_train_batch_size
        answers = list(dataset["completion_ids"])
        parts = [answers[start : start + size] for start in range(0, len(answers), size)]
        turned = [answer for part in parts for answer in (part[-1], *part[:-1])]
        return dataset.add_column("KL_completion_ids", turned)


def dpo(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Pairs of one prompt; the options are those of `dpo_settings`.

    Raises PlanError, and DatasetError as `pairs_of`.
    """
    _ = tools
    plan = job.plan
    found = pairs_of(job.train_samples, job.instruction, tokenizer, plan.sequence_length)
    pairs = found.pairs
    return Course(
        trainer=PairTrainer,
        settings=DPOConfig,
        dataset=pair_rows(pairs),
        lengths=tuple(both(pair) for pair in pairs),
        widths=tuple(pair.tokens for pair in pairs),
        trained_tokens=sum(len(pair.chosen) + len(pair.rejected) for pair in pairs),
        arguments={**as_they_are(plan), **dpo_settings(plan), **before_sharding(plan)},
        keywords={"dev_rows": pair_rows(dev_pairs(job, tokenizer))},
        dev_loss=own_loss,
        left_out=found.left_out,
        notes=told(job, found),
    )


def kto(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Single answers with marks, in an order of the seed that stays; options: `kto_settings`.

    Raises PlanError, and DatasetError as `marked_of` or where all marks are alike.
    """
    _ = tools
    plan = job.plan
    found = marked_of(job.train_samples, job.instruction, tokenizer, plan.sequence_length)
    marked = found.marked
    random.Random(plan.seed).shuffle(marked)  # noqa: S311 - no secret
    good = sum(one.is_good for one in marked)
    if good in (0, len(marked)):
        raise DatasetError(
            f"All {len(marked)} answers are marked as {'good' if good else 'bad'}.",
            hint="KTO learns from both kinds; good ones alone are learnt with the objective sft.",
        )
    values = kto_settings(plan, good, len(marked) - good)
    return Course(
        trainer=MarkTrainer,
        settings=KTOConfig,
        dataset=marked_rows(marked),
        lengths=tuple(one.tokens for one in marked),
        trained_tokens=sum(len(one.answer) for one in marked),
        arguments={
            **as_they_are(plan),
            **values,
            **before_sharding(plan),
            "train_sampling_strategy": "sequential",
        },
        keywords={"dev_rows": marked_rows(_dev_marked(job, tokenizer))},
        dev_loss=own_loss,
        left_out=found.too_long,
        notes=(
            *left_out(job, too_long=found.too_long),
            *unheeded(job),
            *_balance(values, good, len(marked)),
        ),
    )


def _balance(values: dict[str, Any], good: int, every: int) -> tuple[str, ...]:
    weights = (values["desirable_weight"], values["undesirable_weight"])
    if weights[0] == weights[1]:
        return ()
    counts = f"{good} good and {every - good} bad answers"
    return (f"{counts}: good ones weigh {weights[0]:g}, bad ones {weights[1]:g}.",)


def as_they_are(plan: Plan) -> dict[str, Any]:
    """Rows fit already, and have no length that batches could be grouped by."""
    _ = plan
    return {"max_length": None, "train_sampling_strategy": "random"}


def before_sharding(plan: Plan) -> dict[str, Any]:
    """Once weights lie in parts they cannot be swapped: the reference is computed before."""
    return {"precompute_ref_log_probs": True} if plan.strategy == SHARDED else {}


def both(pair: Pair) -> int:
    """Tokens of both sequences of a pair as they go through the model."""
    return 2 * len(pair.prompt) + len(pair.chosen) + len(pair.rejected)


def pair_rows(pairs: Sequence[Pair]) -> Dataset:
    """As DPO takes them."""
    return Dataset.from_list(
        [
            {"prompt_ids": one.prompt, "chosen_ids": one.chosen, "rejected_ids": one.rejected}
            for one in pairs
        ]
    )


def marked_rows(marked: Sequence[Marked]) -> Dataset:
    """As KTO takes them."""
    return Dataset.from_list(
        [
            {"prompt_ids": one.prompt, "completion_ids": one.answer, "label": one.is_good}
            for one in marked
        ]
    )


def dev_pairs(job: TrainJob, tokenizer: Any) -> list[Pair]:
    """Pairs of the dev split that fit and prefer something; others are left out without a word."""
    seen = fits(looked_at(job.dev_samples, job.plan.seed))
    every = (pair_of(one, job.instruction, tokenizer) for one in seen)
    most = job.plan.sequence_length
    return [one for one in every if one.tokens <= most and one.chosen != one.rejected]


def _dev_marked(job: TrainJob, tokenizer: Any) -> list[Marked]:
    seen = fits_marks(looked_at(job.dev_samples, job.plan.seed))
    every = (marks_of(one, job.instruction, tokenizer) for one in seen)
    return [one for row in every for one in row if one.tokens <= job.plan.sequence_length]


def told(job: TrainJob, found: Pairs) -> tuple[str, ...]:
    """What was left out of the pairs, and what does not fit the objective."""
    return (*left_out(job, too_long=found.too_long, same=found.same), *unheeded(job))
