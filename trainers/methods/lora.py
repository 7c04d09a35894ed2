"""LoRA: the base stays frozen, small low-rank matrices beside its linear layers are trained."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.errors import PlanError
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from advisor.schema.profile import MachineFacts
from trainers.methods.optimizers import optimizer_state_bytes, step_copy
from trainers.methods.shapes import adapter_parameters, targeted_layers
from trainers.methods.states import WEIGHT_BYTES

ADAPTER_BYTES = 4
"""PEFT keeps adapters, and so their gradients and states, in 32 bits."""
BACKWARD_SHARE = 4 / 6
"""Forward and activation gradients; the frozen base needs no weight gradients."""


def rank_of(plan: Plan) -> int:
    """The plan's rank.

    Raises PlanError when it has none.
    """
    if plan.rank is None:
        raise PlanError(
            f"{plan.method} needs a rank.", hint="Give one with --rank, for example 16."
        )
    return plan.rank


def adapter_inputs(plan: Plan, model: ModelCard) -> ExtraTerm:
    """Inputs of the adapted layers, kept once more for the adapters' own gradients.

    Bytes = tokens x sum of input widths x bytes per number, for one layer under checkpointing and
    for all layers without.
    """
    widths = sum(layer.inputs for layer in targeted_layers(model, plan.target_modules))
    layers = 1 if plan.gradient_checkpointing else model.layers
    tokens = plan.micro_batch_size * plan.sequence_length
    size = float(tokens * widths * WEIGHT_BYTES[plan.precision] * layers)
    return ExtraTerm(
        name="adapter inputs",
        bytes=Interval(low=size, likely=size, high=size),
        formula="tokens x input widths of adapted layers x bytes x layers kept",
        provenance=Provenance(kind="computed", source="trainers.methods.lora"),
        phases=("backward",) if plan.gradient_checkpointing else ("loss", "backward"),
    )


class LoraMethod:
    """Low-rank adapters beside linear layers."""

    info = MethodInfo(id="lora", label="LoRA", extra="train", cost_rank=1, needs_rank=True)

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Frozen base in the plan's precision; adapters with gradients and states in 32 bits.

        Raises PlanError without a rank, for unknown target modules or an unknown optimizer.
        """
        count = adapter_parameters(model, rank_of(plan), plan.target_modules)
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=float(WEIGHT_BYTES[plan.precision] * model.parameters),
            adapter_weight_bytes=float(ADAPTER_BYTES * count),
            gradient_bytes=float(ADAPTER_BYTES * count),
            optimizer_bytes=optimizer_state_bytes(plan.optimizer, count, ADAPTER_BYTES),
            compute_share=BACKWARD_SHARE + count / model.parameters,
            extra_terms=(
                adapter_inputs(plan, model),
                *step_copy(plan.optimizer, count, ADAPTER_BYTES),
            ),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run."""
        _ = machine
        if plan.rank is not None:
            return []
        return [Obstacle(severity="blocks", message="LoRA needs a rank.", hint="Give --rank 16.")]
