"""DoRA: LoRA whose adapted matrices are split into direction and trained magnitude."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.architecture import Linear
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.adapted import (
    EXPERT_FAMILIES,
    Kept,
    adapted_linears,
    kept_bytes,
    largest,
    numbers,
    trained_entries,
)
from trainers.methods.frozen import (
    beside,
    kept_term,
    needs_rank,
    passing_term,
    turn_term,
)
from trainers.methods.lora import check_options, rank_of

NORM_TOKENS = 1800.0
"""Norms of all adapted weights cost as much as the full step (6 per weight) of so many tokens, per
micro-batch and forward pass: 0.51 against LoRA's 0.95 samples/s on Qwen-7B, `memory-evidence`
(swift-tuners), at 2048 tokens at most."""

NORM_COPIES = 4
"""32-bit copies of a matrix while its norm is taken: it, its change, the scaled change, the sum."""
TURN_LOWERED = 5.0
"""Bytes per output in a layer's backward under autocast."""


class DoraMethod:
    """Low-rank adapters and a magnitude per output beside linear layers."""

    info = MethodInfo(
        id="dora",
        label="DoRA",
        extra="train",
        cost_rank=2,
        needs_rank=True,
        options=("rslora", "lora_plus"),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """LoRA's parameters and one magnitude per output; outputs kept, norms of whole matrices.

        The base may be quantised. Raises PlanError without a rank, for unknown target modules or
        an unknown optimizer.
        """
        check_options(plan)
        rank, size = rank_of(plan), numbers(plan)
        reached = adapted_linears(model, plan.target_modules)
        weights = trained_entries(reached, lambda linear: linear.weights)
        tokens = plan.micro_batch_size * plan.sequence_length
        widest = int(largest(reached, lambda linear: linear.outputs))
        turn = TURN_LOWERED if size.path < size.trained else 0.0
        passes = 2.0 if plan.gradient_checkpointing else 1.0

        def kept(linear: Linear) -> Kept:
            own = size.path * rank + (size.path + size.activation) * linear.outputs
            copies = float(size.path * rank * (linear.inputs + linear.outputs))
            lowered = copies if size.path < size.trained else 0.0
            if plan.dropout > 0:  # the base's product is made again, of what dropout leaves
                own += linear.inputs + (size.path - size.activation) * linear.outputs
                lowered += size.path * linear.weights if size.path > size.activation else 0.0
            if size.casts_input:
                return Kept(per_token=own + size.path * linear.inputs, per_matrix=lowered)
            return Kept(per_token=own, shared_input=size.activation * linear.inputs)

        def norm(linear: Linear) -> float:
            dense = size.activation * linear.weights if plan.quantisation != "none" else 0
            square = linear.inputs**2
            taken = NORM_COPIES * size.trained * linear.weights + size.path * square
            lowered = (size.trained + size.path) * square if size.path < size.trained else 0
            return float(max(taken, lowered) + dense)

        return beside(
            plan,
            model,
            trained_entries(reached, lambda one: rank * (one.inputs + one.outputs) + one.outputs),
            terms=(
                kept_term(
                    plan,
                    "adapter inputs and outputs",
                    kept_bytes(plan, reached, kept),
                    "tokens x (bytes x input widths + 2 x bytes x output widths + rank)",
                ),
                passing_term(
                    "weight norm",
                    largest(reached, norm),
                    "4 x bytes x largest adapted matrix + bytes x inputs squared",
                    phases=("backward",) if plan.gradient_checkpointing else ("loss",),
                ),
                turn_term(plan, widest, turn),
            ),
            work=passes * NORM_TOKENS * weights / model.parameters / tokens,
            notes=_notes(model),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Low-rank matrices and magnitudes beside the target modules.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._lora import put_lora  # noqa: PLC0415 - delays torch

        return put_lora(model, plan, dora=True)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run."""
        _ = machine
        return needs_rank(plan, "DoRA")


def _notes(model: ModelCard) -> tuple[str, ...]:
    if model.family not in EXPERT_FAMILIES:
        return ()
    return ("PEFT refuses DoRA on fused experts: name the attention's modules as targets.",)
