"""LISA: embeddings, head and a few layers are trained, the layers drawn anew now and then."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.options import whole
from trainers.methods.partial import (
    embeddings,
    head,
    largest_layer,
    needs_own_weights,
    partly,
)

LAYERS = 2
"""Layers trained at a time, in the paper and in ms-swift."""


class LisaMethod:
    """A few layers at a time, and the embeddings and head always."""

    info = MethodInfo(id="lisa", label="LISA", extra="train", cost_rank=3, options=("layers",))

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """What is trained at one time, taking the largest layers.

        Option: `layers` (2). Raises PlanError for an unknown option or optimizer.
        """
        layers = min(whole(plan, "layers", LAYERS), model.layers)
        tables = embeddings(model) + head(model)
        count = min(layers * largest_layer(model) + tables, model.parameters)
        found = partly(plan, model, count, tables=min(tables, count))
        return found.model_copy(
            update={
                "trains_head": True,
                "notes": (
                    "Optimizer states of layers trained before are assumed to be given up.",
                    "ms-swift held less than this: 31.1 and 31.9 GiB on Qwen-7B (2 and 4 layers).",
                ),
            }
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Weights that are trained must be whole, in a precision that holds gradients."""
        _ = machine
        return needs_own_weights(plan, "LISA")
