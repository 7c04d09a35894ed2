"""QLoRA: LoRA on a base whose linear layers are packed into 4 bits."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from advisor.schema.profile import MachineFacts
from advisor.units import gib_from_bytes
from trainers.methods.lora import BACKWARD_SHARE, adapter_inputs, rank_of
from trainers.methods.optimizers import optimizer_state_bytes, step_copy
from trainers.methods.shapes import adapter_parameters, linear_layers, linear_weights
from trainers.methods.states import WEIGHT_BYTES

NF4_BYTES = 0.5 + 1 / 64 + 4 / 16384
"""NF4, double quantisation: 4 bits, 8-bit scales per 64 and 32-bit ones per 16384 weights."""
QUANTISED_ADAPTER_BYTES = 2
"""TRL casts the adapters of a quantised base, and so their gradients and states, to bfloat16."""
PREPARED_BYTES = 4
"""What older recipes (k-bit preparation of PEFT) cast embeddings, head and norms to."""


class QloraMethod:
    """Low-rank adapters beside 4-bit linear layers."""

    info = MethodInfo(
        id="qlora", label="QLoRA", extra="qlora", cost_rank=2, needs_rank=True, base_bits=4
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Packed linear layers, everything else in the plan's precision, adapters in 16 bits.

        Raises PlanError without a rank, for unknown target modules or an unknown optimizer.
        """
        count = adapter_parameters(model, rank_of(plan), plan.target_modules)
        packed, size = linear_weights(model), WEIGHT_BYTES[plan.precision]
        unpacked = max(model.parameters - packed, 0)
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=NF4_BYTES * packed + size * unpacked,
            adapter_weight_bytes=float(QUANTISED_ADAPTER_BYTES * count),
            gradient_bytes=float(QUANTISED_ADAPTER_BYTES * count),
            optimizer_bytes=optimizer_state_bytes(plan.optimizer, count, QUANTISED_ADAPTER_BYTES),
            compute_share=BACKWARD_SHARE + count / model.parameters,
            extra_terms=(
                _unpacked_layer(plan, model),
                adapter_inputs(plan, model),
                *step_copy(plan.optimizer, count, QUANTISED_ADAPTER_BYTES),
            ),
            notes=(_note(unpacked, size),),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run; 4-bit arithmetic without a GPU is slow."""
        found = []
        if plan.rank is None:
            found.append(
                Obstacle(severity="blocks", message="QLoRA needs a rank.", hint="Give --rank 16.")
            )
        if machine.gpus == 0:
            found.append(
                Obstacle(
                    severity="warns",
                    message="Without a GPU, 4-bit layers are unpacked by the CPU, which is slow.",
                    hint="Prefer LoRA when memory allows.",
                )
            )
        return found


def _unpacked_layer(plan: Plan, model: ModelCard) -> ExtraTerm:
    """The largest linear matrix, unpacked for its product: entries x bytes."""
    largest = max(layer.weights for layer in linear_layers(model))
    size = float(largest * WEIGHT_BYTES[plan.precision])
    return ExtraTerm(
        name="unpacked layer",
        bytes=Interval(low=size, likely=size, high=size),
        formula="largest linear matrix x bytes per number",
        provenance=Provenance(kind="computed", source="trainers.methods.qlora"),
        phases=("backward",),
    )


def _note(unpacked: int, size: int) -> str:
    more = gib_from_bytes(max(PREPARED_BYTES - size, 0) * unpacked)
    note = "Embeddings, head and norms are not quantised."
    if more >= 0.05:
        note += f" Stacks that prepare the model for k-bit training add {more:.1f} GiB."
    return note
