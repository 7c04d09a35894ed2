"""VeRA: two random matrices shared by all layers; only vectors that scale them are trained."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.architecture import Linear
from advisor.schema.base import Interval
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.adapted import (
    ADAPTER_BYTES,
    Kept,
    adapted_linears,
    kept_bytes,
    numbers,
    trained_entries,
)
from trainers.methods.frozen import (
    LIBRARY,
    beside,
    kept_term,
    needs_rank,
    turn_term,
)
from trainers.methods.lora import rank_of

TURN_BYTES = 5.0
"""Bytes per output in a layer's backward."""


class VeraMethod:
    """A vector of the rank's length and one per output beside every linear layer."""

    info = MethodInfo(id="vera", label="VeRA", extra="train", cost_rank=1, needs_rank=True)

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Rank + outputs per layer are trained; the shared matrices are held once.

        Published peaks of one model (`memory-evidence`, peft-mmqa) differ from LoRA's by what is
        kept here within 2 %. Raises PlanError without a rank, for unknown target modules or an
        unknown optimizer.
        """
        rank, size = rank_of(plan), numbers(plan)
        reached = adapted_linears(model, plan.target_modules)
        every = [found.linear for group in reached for found in group]
        wide = max(one.inputs for one in every) + max(one.outputs for one in every)
        shared = float(ADAPTER_BYTES * rank * wide)

        def kept(linear: Linear) -> Kept:
            copies = size.path * rank * (linear.inputs + linear.outputs)
            return Kept(
                per_token=size.path * (linear.outputs + rank),
                per_matrix=float(copies) if size.path < size.trained else 0.0,
            )

        return beside(
            plan,
            model,
            trained_entries(reached, lambda linear: rank + linear.outputs),
            terms=(
                ExtraTerm(
                    name="shared projections",
                    bytes=Interval(low=shared, likely=shared, high=shared),
                    formula="4 x rank x (widest input + widest output)",
                    provenance=LIBRARY,
                ),
                kept_term(
                    plan,
                    "adapter outputs",
                    kept_bytes(plan, reached, kept),
                    "tokens x bytes x (output widths + rank), and under autocast a copy of both "
                    "matrices per layer",
                ),
                turn_term(plan, max(one.outputs for one in every), TURN_BYTES),
            ),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Vectors beside the target modules.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import put, targets  # noqa: PLC0415 - delays torch

        return put(
            model,
            plan,
            "VeraConfig",
            r=rank_of(plan),
            vera_dropout=plan.dropout,
            target_modules=targets(plan),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run."""
        _ = machine
        return needs_rank(plan, "VeRA")
