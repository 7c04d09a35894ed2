"""IA3: vectors that scale what linear layers put out, or what the feed-forward's last one reads."""

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
    kept_term,
    turn_term,
)

READERS = frozenset(
    ("down_proj", "fc2", "dense_4h_to_h", "fc_out", "w2", "wo", "mlp.c_proj", "mlp.dense_4h_to_h")
)
"""Layers that PEFT scales at their input: the last of the feed-forward, by family."""

TURN_BYTES = 6.0
"""Bytes per scaled number in a layer's backward."""


class Ia3Method:
    """One vector beside every linear layer."""

    info = MethodInfo(
        id="ia3", label="IA3", extra="train", cost_rank=1, recipe="lora", options=("feed_forward",)
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Outputs (for the feed-forward's last layer: inputs) per layer are trained.

        Option: `feed_forward`, names of the layers that are scaled at their input, with commas.
        Published peaks of one model (`memory-evidence`, peft-mmqa) differ from LoRA's by what is
        kept here within 4 %. Raises PlanError for unknown target modules or an unknown optimizer.
        """
        reached, size = adapted_linears(model, plan.target_modules), numbers(plan)
        readers = _readers(plan)
        widest = int(largest(reached, lambda one: float(trained_width(one, readers))))

        def kept(linear: Linear) -> Kept:
            if not scales_input(linear, readers):
                return Kept(per_token=size.activation * linear.outputs)
            return Kept(per_token=max(size.trained, size.activation) * linear.inputs)

        return beside(
            plan,
            model,
            trained_entries(reached, lambda one: trained_width(one, readers)),
            terms=(
                kept_term(
                    plan,
                    "scaled activations",
                    kept_bytes(plan, reached, kept),
                    "tokens x bytes x scaled widths",
                ),
                turn_term(plan, widest, TURN_BYTES),
            ),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """A vector per target module.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import (  # noqa: PLC0415 - delays torch
            ends,
            module_names,
            put,
            targets,
        )

        names, readers = module_names(model, targets(plan)), _readers(plan)
        return put(
            model,
            plan,
            "IA3Config",
            target_modules=names,  # in full, since PEFT opens again only what names them alike
            feedforward_modules=[n for n in names if any(ends(n, one) for one in readers)],
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """On a quantised base its 32-bit vectors need autocast."""
        _ = machine
        if plan.quantisation == "none" or plan.compute_precision is not None:
            return []
        return [
            Obstacle(
                severity="warns",
                message="On a quantised base, IA3 mixes 32-bit and 16-bit numbers.",
                hint="Train with automatic mixed precision.",
            )
        ]


def _readers(plan: Plan) -> frozenset[str]:
    """Layers scaled at their input: those the plan names, or the usual ones."""
    named = plan.method_options.get("feed_forward")
    return READERS if named is None else frozenset(one.strip() for one in str(named).split(","))


def scales_input(linear: Linear, readers: frozenset[str]) -> bool:
    """Whether PEFT scales what the layer reads instead of what it puts out."""
    if linear.part != "feed_forward":
        return False
    return linear.name in readers or f"mlp.{linear.name}" in readers


def trained_width(linear: Linear, readers: frozenset[str]) -> int:
    """How many numbers the layer's vector has."""
    return linear.inputs if scales_input(linear, readers) else linear.outputs
