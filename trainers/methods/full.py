"""Full fine-tuning: every weight is trained."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.optimizers import SINGLE, optimizer_state_bytes, paged_bytes, step_copy
from trainers.methods.options import flag
from trainers.methods.partial import head
from trainers.methods.shapes import largest_linear, new_head
from trainers.methods.states import WEIGHT_BYTES

_DEEPSPEED = ("zero1", "zero2", "zero3")


class FullMethod:
    """All weights, their gradients and optimizer states."""

    info = MethodInfo(
        id="full",
        label="full fine-tuning",
        extra="train",
        cost_rank=3,
        options=("in_backward",),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Weights, gradients and states for every parameter, in the precision of the weights.

        DeepSpeed steps a 32-bit copy of 16-bit weights and counts it to the states; accelerate's
        full sharding lifts the weights themselves (`trained_precision`). Option: `in_backward`
        (each weight is stepped as soon as its gradient is there, off). Raises PlanError for an
        unknown option, or an optimizer whose states are not known.
        """
        count = model.parameters
        if plan.objective == "reward":
            count += new_head(plan, model) - head(model)
        size = WEIGHT_BYTES[plan.trained_precision or plan.precision]
        master = plan.strategy in _DEEPSPEED and plan.trained_precision in (None, "float32")
        if master:
            size = WEIGHT_BYTES[plan.precision]
        stepped = SINGLE if master else size
        tables = (model.embedding_parameters or 0) + (model.head_parameters or 0)
        states = optimizer_state_bytes(plan.optimizer, count, stepped, embeddings=tables)
        in_backward = flag(plan, "in_backward", default=False)
        largest = max(largest_linear(model), model.vocabulary_size * model.hidden_size)
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=float(size * count),
            gradient_bytes=float(size * count),
            optimizer_bytes=states + (SINGLE * count if master and size < SINGLE else 0.0),
            paged_bytes=paged_bytes(plan.optimizer, states),
            compute_share=1.0,
            gathered_gradients=not in_backward,
            extra_terms=()
            if in_backward or plan.strategy in _DEEPSPEED  # its own fused step makes no copy
            else step_copy(plan.optimizer, count, stepped, largest=largest),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Every weight is trained.

        Raises PlanError for packed weights, and for the option `in_backward`, which is only priced.
        """
        from trainers.methods._own import train_all  # noqa: PLC0415 - delays torch

        if flag(plan, "in_backward", default=False):
            raise PlanError(
                "Stepping within the backward pass is priced here, but not trained.",
                hint="Leave the option `in_backward` out.",
            )
        return train_all(model, plan)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """16-bit floats without a wide exponent cannot hold small gradients of all weights."""
        _ = machine
        if plan.precision != "float16":
            return []
        return [
            Obstacle(
                severity="blocks",
                message="Full fine-tuning in float16 loses small gradients.",
                hint="Use --precision bfloat16 or float32.",
            )
        ]
