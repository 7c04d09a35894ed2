"""Layer freezing: only the last layers are trained."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.options import flag, whole
from trainers.methods.partial import head, needs_own_weights, partly, top_layers
from trainers.methods.shapes import new_head

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
        model has, a head that is the embedding table, an unknown option or optimizer.
        """
        layers = whole(plan, "layers", LAYERS)
        with_head = flag(plan, "head", default=False)
        tables = _head(plan, model) if with_head else 0
        found = partly(
            plan,
            model,
            min(top_layers(model, layers) + tables + new_head(plan, model), model.parameters),
            tables=tables,
            share=layers / model.layers,
        )
        return found.model_copy(update={"trains_head": with_head or plan.objective == "reward"})

    def apply(self, model: Any, plan: Plan) -> Applied:
        """The last layers are trained, everything below stays.

        Raises PlanError for packed weights, more layers than there are, or a head that is the
        embedding table.
        """
        from trainers.methods._own import train_last  # noqa: PLC0415 - delays torch

        head = flag(plan, "head", default=False)
        return train_last(model, plan, whole(plan, "layers", LAYERS), head=head)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Weights that are trained must be whole, in a precision that holds gradients."""
        _ = machine
        return needs_own_weights(plan, "Layer freezing")


def _head(plan: Plan, model: ModelCard) -> int:
    """Entries of the language model's head. Raises PlanError where it is the embedding table."""
    if plan.objective == "reward":
        return 0
    if model.tied_embeddings:
        raise PlanError(
            f"The head of {model.id} is its embedding table, below all layers.",
            hint="Leave the option `head` out.",
        )
    return head(model)
