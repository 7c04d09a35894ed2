"""LoHa: the change of a matrix is the entry-wise product of two low-rank matrices."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.architecture import Linear
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.adapted import (
    Kept,
    adapted_linears,
    kept_bytes,
    largest,
    numbers,
    trained_entries,
)
from trainers.methods.frozen import (
    beside,
    delta_work,
    family_notes,
    kept_term,
    needs_rank,
    needs_unpacked_base,
    passing_term,
)
from trainers.methods.lora import rank_of

GRADIENT_COPIES = 2
"""Further 32-bit copies of the matrix in its backward pass."""


class LohaMethod:
    """Two pairs of low-rank matrices beside linear layers."""

    info = MethodInfo(id="loha", label="LoHa", extra="train", cost_rank=2, needs_rank=True)

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Twice LoRA's parameters; the whole change of every matrix is built and kept.

        Published peaks of one model (`memory-evidence`, peft-mmqa) agree within 3 %. Raises
        PlanError without a rank, for unknown target modules or an unknown optimizer.
        """
        rank, size = rank_of(plan), numbers(plan)
        reached = adapted_linears(model, plan.target_modules)

        def kept(linear: Linear) -> Kept:
            matrix = size.path * linear.weights
            if size.path != size.activation:
                return Kept(per_token=size.path * linear.inputs, per_matrix=matrix)
            return Kept(shared_input=size.activation * linear.inputs, per_matrix=matrix)

        return beside(
            plan,
            model,
            trained_entries(reached, lambda linear: 2 * rank * (linear.inputs + linear.outputs)),
            terms=(
                kept_term(
                    plan,
                    "changes of weights and their inputs",
                    kept_bytes(plan, reached, kept),
                    "bytes x (adapted matrices + tokens x input widths)",
                ),
                passing_term(
                    "gradient of a change",
                    largest(
                        reached, lambda one: float(GRADIENT_COPIES * size.trained * one.weights)
                    ),
                    "2 x bytes x largest adapted matrix",
                ),
            ),
            work=delta_work(plan, model, trained_entries(reached, lambda linear: linear.weights)),
            notes=family_notes(model, "LoHa"),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Two pairs of matrices beside the target modules; alpha is the rank by default.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import put, targets  # noqa: PLC0415 - delays torch

        rank = rank_of(plan)
        return put(
            model,
            plan,
            "LoHaConfig",
            r=rank,
            alpha=plan.alpha or rank,
            rank_dropout=plan.dropout,
            target_modules=targets(plan),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """It needs a rank and a base whose matrices keep their shape."""
        _ = machine
        return [
            *needs_rank(plan, "LoHa"),
            *needs_unpacked_base(plan, "LoHa", "nf4", "gptq", "awq"),
        ]
