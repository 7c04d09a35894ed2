"""Continued pre-training: the model learns to continue plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.samples import none_given

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_CHARACTERS = 4_000_000
"""About a million tokens."""


class CptObjective:
    """Cross-entropy on every token of the text."""

    info = PluginInfo(id="cpt", label="continued pre-training", extra="train")

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Nothing beyond next-token training; texts are best packed into full sequences."""
        _ = model
        if plan.packing:
            return ObjectiveFootprint()
        return ObjectiveFootprint(notes=("Texts are not packed, so short ones waste tokens.",))

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """There must be text, and a lot of it."""
        if missing := none_given(samples):
            return missing
        size = sum(len(sample.input) + len(sample.target) for sample in samples)
        if not size:
            return [
                Obstacle(severity="blocks", message="The samples hold no text.", hint="Add text.")
            ]
        if size >= FEW_CHARACTERS:
            return []
        return [
            Obstacle(
                severity="warns",
                message=f"{size} characters are few for continued pre-training.",
                hint=f"Collect at least {FEW_CHARACTERS}, or tune on examples (sft).",
            )
        ]
