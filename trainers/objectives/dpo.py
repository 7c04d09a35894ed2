"""Direct preference optimisation: the chosen answer becomes likelier than the rejected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.preferring import DPO_OPTIONS, dpo_settings
from trainers.objectives.reference import reference_note, reference_passes, reference_terms
from trainers.objectives.samples import no_preferences, none_given, same_answers, too_few

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_PAIRS = 200


class DpoObjective:
    """A contrast of two answers against a frozen reference."""

    info = PluginInfo(
        id="dpo",
        label="direct preference optimisation",
        extra="train",
        options=DPO_OPTIONS,
        defaults={"learning_rate": 1e-6},
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Chosen and rejected together; the reference's forward pass, and its weights if needed.

        The options are those of `dpo_settings`; raises PlanError for values that are none.
        """
        dpo_settings(plan)
        return ObjectiveFootprint(
            sequences_per_sample=2,
            forward_passes=reference_passes(plan),
            extra_terms=reference_terms(plan, model),
            notes=(reference_note(plan),),
        )

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """It needs pairs of a better and a worse answer."""
        return none_given(samples) or [
            *no_preferences(samples, "DPO", "a chosen and a rejected answer per prompt"),
            *same_answers(samples),
            *too_few(samples, FEW_PAIRS, self.info.label),
        ]
