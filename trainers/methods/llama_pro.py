"""LLaMA-Pro: copies of layers are put between the frozen ones, and only they are trained."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.adapted import numbers
from trainers.methods.optimizers import optimizer_state_bytes, paged_bytes, step_copy
from trainers.methods.options import whole
from trainers.methods.partial import (
    BACKWARD,
    FORWARD,
    GRADIENT,
    largest_layer,
    needs_own_weights,
    trained_bytes,
)
from trainers.methods.shapes import new_head
from trainers.methods.states import WEIGHT_BYTES

BLOCKS = 4
"""New blocks: the default of ms-swift."""


class LlamaProMethod:
    """New blocks, spread evenly over the model."""

    info = MethodInfo(
        id="llama_pro", label="LLaMA-Pro", extra="train", cost_rank=3, options=("blocks",)
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """The new blocks' weights, gradients and states beside the frozen model.

        Option: `blocks` (4). The count equals ms-swift's for Qwen-7B (809 582 600). Raises
        PlanError for an unknown option or optimizer.
        """
        blocks = min(whole(plan, "blocks", BLOCKS), model.layers)
        count = blocks * largest_layer(model) + new_head(plan, model)
        size = trained_bytes(plan)
        longer, share = 1 + blocks / model.layers, 1 - 1 / blocks if blocks > 1 else 1.0
        states = optimizer_state_bytes(plan.optimizer, count, size)
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=float(WEIGHT_BYTES[plan.precision] * model.parameters),
            adapter_weight_bytes=float(size * count),
            gradient_bytes=float(size * count),
            optimizer_bytes=states,
            paged_bytes=paged_bytes(plan.optimizer, states),
            compute_share=(FORWARD + BACKWARD * share) * longer
            + GRADIENT * count / model.parameters,
            backward_share=share,
            trains_head=False,
            extra_terms=(_added(plan, model, blocks), *step_copy(plan.optimizer, count, size)),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """New blocks that change nothing at first; the model that is saved is a longer one.

        Raises PlanError for packed weights, or layers that cannot be copied so.
        """
        from trainers.methods._own import add_blocks  # noqa: PLC0415 - delays torch

        return add_blocks(model, plan, whole(plan, "blocks", BLOCKS))

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Weights that are trained must be whole, in a precision that holds gradients."""
        _ = machine
        return needs_own_weights(plan, "LLaMA-Pro")


def _added(plan: Plan, model: ModelCard, blocks: int) -> ExtraTerm:
    """Inputs of the new blocks under checkpointing; without it, what a plain layer keeps.

    Elements per token: hidden, or 12 x hidden + 3 x query + key/value + 3 x feed-forward.
    """
    width = model.hidden_size
    if not plan.gradient_checkpointing:
        heads = (3 * model.attention_heads + model.key_value_heads) * model.head_dim
        width = 12 * width + heads + 3 * model.intermediate_size
    tokens = plan.micro_batch_size * plan.sequence_length
    size = float(blocks * tokens * width * numbers(plan).activation)
    return ExtraTerm(
        name="activations of new blocks",
        bytes=Interval(low=size / 2, likely=size, high=size * 1.5)
        if not plan.gradient_checkpointing
        else Interval(low=size, likely=size, high=size),
        formula="new blocks x tokens x bytes x elements kept",
        provenance=Provenance(kind="table", source="fitcheck", note="elements of a plain layer"),
        phases=("loss", "backward"),
    )
