"""Odds-ratio preference optimisation: supervised tuning and preference in one, no reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.preferring import ORPO_OPTIONS, orpo_settings
from trainers.objectives.samples import no_preferences, none_given, same_answers, too_few

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_PAIRS = 200
LOGITS_COPIES = 1.5
"""Against plain training's loss: all logits serve the odds, those of the chosen half the loss, too.
Counted from TRL's code, assumed to weigh alike."""
LOGITS_BYTES = 12.0
"""Bytes per token and entry of a stock loss (`memory-evidence`)."""


class OrpoObjective:
    """Cross-entropy on the chosen answer, and the odds of chosen against rejected."""

    info = PluginInfo(
        id="orpo",
        label="odds-ratio preference optimisation",
        extra="train",
        options=ORPO_OPTIONS,
        defaults={"learning_rate": 1e-6},
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Chosen and rejected together, and all their logits whatever loss the plan names.

        Option: `beta` (0.1), the weight of the odds; raises PlanError for values that are none.
        """
        orpo_settings(plan)
        return ObjectiveFootprint(
            sequences_per_sample=2,
            logits_copies=LOGITS_COPIES,
            extra_terms=_logits(plan, model),
            notes=("TRL's ORPO builds all logits; how many copies is assumed from its code.",),
        )

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """It needs pairs of a better and a worse answer."""
        return none_given(samples) or [
            *no_preferences(samples, "ORPO", "a chosen and a rejected answer per prompt"),
            *same_answers(samples),
            *too_few(samples, FEW_PAIRS, self.info.label),
        ]


def _logits(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    if plan.loss_head in ("stock", "fused"):
        return ()
    tokens = 2 * plan.micro_batch_size * plan.sequence_length
    size = LOGITS_COPIES * LOGITS_BYTES * tokens * model.vocabulary_size
    return (
        ExtraTerm(
            name="logits of both answers",
            bytes=Interval(low=size / 2, likely=size, high=1.3 * size),
            formula="1.5 x 12 bytes x 2 x tokens x vocabulary",
            provenance=Provenance(kind="assumed", source="memory-evidence"),
            phases=("loss",),
        ),
    )
