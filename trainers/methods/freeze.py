"""Layer freezing: only the last layers are trained."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.options import flag, whole
from trainers.methods.partial import head, needs_own_weights, partly, top_layers

LAYERS = 2
"""Default of LLaMA-Factory."""


class FreezeMethod:
    """The last layers with their gradients and optimizer states."""

    info = MethodInfo(
        id="freeze",
        label="layer freezing",
        extra="train",
        cost_rank=2,
        options=(
            "layers",
            "head",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Weights of the last layers are trained; the backward pass stops below them.

        Options: `layers` (2), `head` (trained too, off). Raises PlanError for more layers than the
        model has, an unknown option or optimizer.
        """
        layers = whole(plan, "layers", LAYERS)
        with_head = flag(plan, "head", default=False)
        tables = head(model) if with_head else 0
        found = partly(
            plan,
            model,
            min(top_layers(model, layers) + tables, model.parameters),
            tables=tables,
            share=layers / model.layers,
        )
        return found.model_copy(update={"trains_head": with_head})

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Weights that are trained must be whole, in a precision that holds gradients."""
        _ = machine
        return needs_own_weights(plan, "Layer freezing")
