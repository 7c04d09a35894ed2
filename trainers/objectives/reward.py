"""Reward modelling: a score per answer, higher for the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.methods.options import number
from trainers.objectives.samples import no_preferences, none_given, same_answers, too_few

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_PAIRS = 500


class RewardObjective:
    """The contrast of two scores; the model has a head of one output and builds no logits."""

    info = PluginInfo(
        id="reward",
        label="reward model",
        extra="train",
        options=("center",),
        defaults={"learning_rate": 0.0001},
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Chosen and rejected together, no logits; the score head's few weights are left out.

        Option: `center` (0), how strongly scores are pulled to a mean of 0; raises PlanError for
        values that are none.
        """
        reward_settings(plan)
        notes = ["A score of one number per answer replaces the output head."]
        if not model.tied_embeddings:
            notes.append("The output head is still counted among the weights.")
        return ObjectiveFootprint(sequences_per_sample=2, logits_copies=0.0, notes=tuple(notes))

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """It needs pairs of a better and a worse answer."""
        return none_given(samples) or [
            *no_preferences(samples, "A reward model", "a chosen and a rejected answer per prompt"),
            *same_answers(samples),
            *too_few(samples, FEW_PAIRS, self.info.label),
        ]


def reward_settings(plan: Plan) -> dict[str, Any]:
    """Option: `center` (0), as TRL names it. Raises PlanError for another value."""
    center = number(plan, "center", 0.0)
    return {"center_rewards_coefficient": center or None}
