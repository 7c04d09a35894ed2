"""Supervised fine-tuning: the model learns to continue a prompt with the reference answer."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.evaluation import Sample
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan

FEW_SAMPLES = 50


class SftObjective:
    """Cross-entropy on the reference answers."""

    info = PluginInfo(id="sft", label="supervised fine-tuning", extra="train")

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """Nothing beyond next-token training."""
        _ = plan, model
        return ObjectiveFootprint()

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """Samples must have reference answers, and there should be more than a handful."""
        if not samples:
            return [
                Obstacle(
                    severity="blocks",
                    message="There are no samples to train on.",
                    hint="Give a data file with --data.",
                )
            ]
        found = []
        empty = sum(not sample.target.strip() for sample in samples)
        if empty:
            found.append(
                Obstacle(
                    severity="blocks" if empty == len(samples) else "warns",
                    message=f"{empty} of {len(samples)} samples have no reference answer.",
                    hint="Fill in the answers, or leave these samples out.",
                )
            )
        if len(samples) < FEW_SAMPLES:
            found.append(
                Obstacle(
                    severity="warns",
                    message=f"{len(samples)} samples are few for supervised fine-tuning.",
                    hint=f"Collect at least {FEW_SAMPLES}.",
                )
            )
        return found
