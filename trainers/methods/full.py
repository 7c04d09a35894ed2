"""Full fine-tuning: every weight is trained."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Footprint, Obstacle, Plan
from advisor.schema.profile import MachineFacts
from trainers.methods.optimizers import optimizer_state_bytes, step_copy
from trainers.methods.states import WEIGHT_BYTES


class FullMethod:
    """All weights, their gradients and optimizer states."""

    info = MethodInfo(id="full", label="full fine-tuning", extra="train", cost_rank=3)

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Weights, gradients and states for every parameter, in the precision of the weights.

        Raises PlanError for an optimizer whose states are not known.
        """
        size, count = WEIGHT_BYTES[plan.precision], model.parameters
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=float(size * count),
            gradient_bytes=float(size * count),
            optimizer_bytes=optimizer_state_bytes(plan.optimizer, count, size),
            compute_share=1.0,
            extra_terms=step_copy(plan.optimizer, count, size),
        )

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
