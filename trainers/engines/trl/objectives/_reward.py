"""Reward model: one number per answer, higher for the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import RewardConfig, RewardTrainer

from advisor.contracts import Tools
from advisor.schema.train import TrainJob
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._looks import Looked, own_loss
from trainers.engines.trl.objectives._pairs import Pair, pairs_of
from trainers.engines.trl.objectives._preference import as_they_are, both, dev_pairs, told
from trainers.engines.trl.objectives._scores import read_in_own_precision, score_heads
from trainers.objectives.reward import reward_settings


class ScoreTrainer(Looked, RewardTrainer):  # type: ignore[misc]
    """TRL's reward trainer on rows of tokens.

    Over a quantised base TRL makes all that is trained bfloat16; here the score head keeps its
    precision, and reads what the model gives it in that.
    """

    def __init__(self, *, model: Any, **named: Any) -> None:
        heads = score_heads(model)
        before = [head.weight.dtype for head in heads]
        super().__init__(model=model, **named)
        for head, precision in zip(heads, before, strict=True):
            head.weight.data = head.weight.data.to(precision)
            read_in_own_precision(head)


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Pairs, each side with its prompt; option: `center`.

    Raises PlanError, and DatasetError as `pairs_of`.
    """
    _ = tools
    plan = job.plan
    found = pairs_of(job.train_samples, job.instruction, tokenizer, plan.sequence_length)
    pairs = found.pairs
    return Course(
        trainer=ScoreTrainer,
        settings=RewardConfig,
        dataset=_rows(pairs),
        lengths=tuple(both(pair) for pair in pairs),
        widths=tuple(pair.tokens for pair in pairs),
        trained_tokens=sum(map(both, pairs)),
        head="score",
        arguments={**as_they_are(plan), **reward_settings(plan)},
        keywords={"dev_rows": _rows(dev_pairs(job, tokenizer))},
        dev_loss=own_loss,
        left_out=found.left_out,
        notes=told(job, found),
    )


def _rows(pairs: Sequence[Pair]) -> Dataset:
    return Dataset.from_list(
        [
            {"chosen_ids": one.prompt + one.chosen, "rejected_ids": one.prompt + one.rejected}
            for one in pairs
        ]
    )
