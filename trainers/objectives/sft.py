"""Supervised fine-tuning: the model learns to continue a prompt with the reference answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.methods.options import flag
from trainers.objectives.samples import (
    bad_answers,
    none_given,
    plain_texts,
    too_few,
    without_answers,
)

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_SAMPLES = 50


class SftObjective:
    """Cross-entropy on the reference answers."""

    info = PluginInfo(
        id="sft", label="supervised fine-tuning", extra="train", options=("all_turns",)
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Nothing beyond next-token training.

        Option: `all_turns` (off: of a conversation the last answer is learnt from, and those that
        the data gives the weight 1; on: every answer that it does not give the weight 0). Raises
        PlanError where it is no yes or no.
        """
        _ = model
        flag(plan, "all_turns", default=False)
        return ObjectiveFootprint()

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """Samples must have reference answers, and there should be more than a handful."""
        return none_given(samples) or [
            *plain_texts(samples),
            *bad_answers(samples),
            *without_answers(samples),
            *too_few(samples, FEW_SAMPLES, self.info.label),
        ]
