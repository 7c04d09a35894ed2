"""QLoRA: LoRA on a base whose linear layers are packed into 4 bits."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from advisor.schema.profile import MachineFacts
from trainers.methods.lora import ADAPTER_BYTES, BACKWARD_SHARE, adapter_inputs, rank_of
from trainers.methods.shapes import adapter_parameters, linear_layers, linear_weights
from trainers.methods.states import WEIGHT_BYTES, optimizer_state_bytes, step_copy

NF4_BYTES = 0.5 + 1 / 64 + 4 / 16384
"""NF4 with double quantisation: 4 bits, an 8-bit scale per 64 and a 32-bit one per 16384 weights."""
UNPACKED_BYTES = 4
"""k-bit preparation casts embeddings, head and norms to 32 bits."""
DEQUANTISE_TOKENS = 275.0
"""Unpacking the weights costs as much as the full step (6 x N) of so many tokens, per micro-batch
and two passes (12 ms per billion parameters on an A100 at its stock utilisation)."""


class QloraMethod:
    """Low-rank adapters beside 4-bit linear layers."""

    info = MethodInfo(
        id="qlora", label="QLoRA", extra="qlora", cost_rank=2, needs_rank=True, base_bits=4
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Packed linear layers, everything else unpacked in 32 bits, adapters as in LoRA.

        Raises PlanError without a rank, for unknown target modules or an unknown optimizer.
        """
        count = adapter_parameters(model, rank_of(plan), plan.target_modules)
        packed = linear_weights(model)
        tokens = plan.micro_batch_size * plan.sequence_length
        passes = 1.5 if plan.gradient_checkpointing else 1.0
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=NF4_BYTES * packed + UNPACKED_BYTES * (model.parameters - packed),
            adapter_weight_bytes=float(ADAPTER_BYTES * count),
            gradient_bytes=float(ADAPTER_BYTES * count),
            optimizer_bytes=optimizer_state_bytes(plan.optimizer, count, ADAPTER_BYTES),
            compute_share=BACKWARD_SHARE
            + count / model.parameters
            + passes * DEQUANTISE_TOKENS / 6 / tokens,
            extra_terms=(
                _unpacked_layer(plan, model),
                *_wide_activations(plan, model),
                adapter_inputs(plan, model),
                *step_copy(plan.optimizer, count, ADAPTER_BYTES),
            ),
            notes=("Embeddings, head and norms stay unquantised, in 32 bits.",),
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


def _wide_activations(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    """What 32-bit norms add to 16-bit activations: checkpoints and logits twice as wide.

    Bytes = layers x tokens x hidden x 2, and tokens x vocabulary x 4 where all logits are built.
    """
    if plan.precision == "float32":
        return ()
    tokens = plan.micro_batch_size * plan.sequence_length
    provenance = Provenance(
        kind="measured", source="memory-evidence", note="checkpoints are 32-bit after preparation"
    )
    kept = float(model.layers * tokens * model.hidden_size * 2)
    wide = [
        ExtraTerm(
            name="wide checkpoints",
            bytes=Interval(low=kept, likely=kept, high=kept),
            formula="layers x tokens x hidden size x 2",
            provenance=provenance,
            phases=("loss", "backward"),
        )
    ]
    if plan.loss_head == "full":
        logits = float(tokens * model.vocabulary_size * 4)
        wide.append(
            ExtraTerm(
                name="wide logits",
                bytes=Interval(low=logits, likely=logits, high=logits),
                formula="tokens x vocabulary x 4",
                provenance=provenance,
                phases=("loss",),
            )
        )
    return tuple(wide)
