"""Kahneman-Tversky optimisation: single answers marked as good or bad, against a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.preferring import KTO_OPTIONS, kto_settings
from trainers.objectives.reference import reference_note, reference_passes, reference_terms
from trainers.objectives.samples import marks_alike, no_marks, none_given, too_few

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_SAMPLES = 200


class KtoObjective:
    """Answers are pulled up or pushed down against the mismatched average."""

    info = PluginInfo(
        id="kto",
        label="Kahneman-Tversky optimisation",
        extra="train",
        options=KTO_OPTIONS,
        needs=("marks",),
        defaults={"learning_rate": 1e-6},
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """One answer with gradients; mismatched answers and the reference's two without.

        The options are those of `kto_settings`; raises PlanError for values that are none.
        """
        kto_settings(plan)
        notes = [reference_note(plan)]
        if plan.micro_batch_size == 1:
            notes.append("KTO needs at least two samples per micro-batch.")
        return ObjectiveFootprint(
            forward_passes=1.0 + reference_passes(plan, 2.0),
            extra_terms=reference_terms(plan, model),
            notes=tuple(notes),
        )

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """It needs marks of good and bad."""
        return none_given(samples) or [
            *no_marks(samples),
            *marks_alike(samples),
            *too_few(samples, FEW_SAMPLES, self.info.label),
        ]
