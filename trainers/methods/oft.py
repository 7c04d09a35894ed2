"""OFT and BOFT: what a linear layer reads is rotated by trained orthogonal blocks."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.errors import PlanError
from advisor.schema.architecture import Linear
from advisor.schema.base import Interval
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.adapted import (
    Kept,
    adapted_linears,
    kept_bytes,
    largest,
    numbers,
    trained_entries,
)
from trainers.methods.frozen import (
    LIBRARY,
    beside,
    family_notes,
    kept_term,
    needs_unpacked_base,
    passing_term,
    turn_term,
)
from trainers.methods.options import whole

OFT_BLOCK = 32
BOFT_BLOCK = 4
"""Defaults of PEFT."""
ROTATIONS = 4
"""Block matrices that the Cayley series keeps; under autocast their 16-bit copies, too."""
ROTATIONS_AUTOCAST = 7
ROTATION_WORK = 43.0
"""Floating point operations per cubed input width and micro-batch for building BOFT's rotation: 18
for its three products with their gradients, times 2.4, as 1266 against 8068 tokens/s show
(`memory-evidence`, peft-mmqa)."""

TURN_BYTES = 5.0
TURN_LOWERED = 9.0
"""Bytes per rotated number in a layer's backward, in 32 bits and under autocast."""


class OftMethod:
    """A block-diagonal rotation before every linear layer."""

    info = MethodInfo(
        id="oft", label="OFT", extra="train", cost_rank=2, recipe="lora", options=("block_size",)
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Entries above the diagonal of every block, and rotated inputs kept.

        Option: `block_size` (32), moved to the nearest divisor of the input width. The base may be
        quantised. Raises PlanError for unknown target modules, options or optimizer.
        """
        wished, size = whole(plan, "block_size", OFT_BLOCK), numbers(plan)
        reached = adapted_linears(model, plan.target_modules)
        autocast = size.path < size.trained
        rotations = ROTATIONS_AUTOCAST if autocast else ROTATIONS

        def kept(linear: Linear) -> Kept:
            block = nearest_divisor(linear.inputs, wished)
            blocks = float(rotations * size.path * block * linear.inputs)
            if size.casts_input:
                return Kept(per_token=size.path * linear.inputs, per_matrix=blocks)
            return Kept(shared_input=size.activation * linear.inputs, per_matrix=blocks)

        return beside(
            plan,
            model,
            trained_entries(reached, lambda linear: oft_parameters(linear, wished)),
            terms=(
                kept_term(
                    plan,
                    "rotations and their inputs",
                    kept_bytes(plan, reached, kept),
                    "bytes x input widths x (tokens + 4 or 7 x block size)",
                ),
                turn_term(
                    plan,
                    int(largest(reached, lambda linear: linear.inputs)),
                    TURN_LOWERED if autocast else TURN_BYTES,
                ),
            ),
            notes=(
                "The speed of OFT is assumed to be LoRA's; no published run tells.",
                *family_notes(model, "OFT"),
            ),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """A rotation before every target module.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import put, targets  # noqa: PLC0415 - delays torch

        return put(
            model,
            plan,
            "OFTConfig",
            oft_block_size=whole(plan, "block_size", OFT_BLOCK),
            module_dropout=plan.dropout,
            target_modules=targets(plan),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """None known: it takes quantised bases."""
        _ = plan, machine
        return []


def oft_parameters(linear: Linear, wished: int) -> int:
    """Blocks x entries above a block's diagonal."""
    block = nearest_divisor(linear.inputs, wished)
    return linear.inputs // block * (block * (block - 1) // 2)


def nearest_divisor(width: int, wished: int) -> int:
    """The divisor of a width nearest to the wished block size, the lower one of two."""
    if wished >= width:
        return width
    for distance in range(width):
        for candidate in (wished - distance, wished + distance):
            if 1 <= candidate <= width and width % candidate == 0:
                return candidate
    return width


class BoftMethod:
    """Butterfly rotations before every linear layer, and a scale after it."""

    info = MethodInfo(
        id="boft",
        label="BOFT",
        extra="train",
        cost_rank=3,
        recipe="lora",
        options=(
            "block_size",
            "butterfly_factors",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Blocks per butterfly factor and one scale per output; whole rotations are built and kept.

        Options: `block_size` (4), `butterfly_factors` (1). Published peaks of one model
        (`memory-evidence`, peft-mmqa) agree within 6 % where the permutations stayed on the CPU.
        Raises PlanError for unknown target modules, options or optimizer.
        """
        block, factors = whole(plan, "block_size", BOFT_BLOCK), whole(plan, "butterfly_factors", 1)
        reached, size = adapted_linears(model, plan.target_modules), numbers(plan)
        _refuse_uneven(model, block, {found.linear.inputs for group in reached for found in group})
        squares = trained_entries(reached, lambda linear: linear.inputs**2)

        def kept(linear: Linear) -> Kept:
            rotation = (2 + factors) * size.activation * linear.inputs**2
            blocks = factors * linear.inputs * (3 * size.trained * block + 4)
            return Kept(
                per_token=size.activation * linear.outputs,
                shared_input=size.activation * linear.inputs,
                per_matrix=float(rotation + blocks),
            )

        permutations = 4.0 * factors * squares
        tokens = plan.micro_batch_size * plan.sequence_length
        cubes = trained_entries(reached, lambda linear: linear.inputs**3)
        return beside(
            plan,
            model,
            trained_entries(reached, lambda one: factors * one.inputs * block + one.outputs),
            terms=(
                ExtraTerm(
                    name="permutations",
                    bytes=Interval(low=0.0, likely=permutations, high=permutations),
                    formula="4 x butterfly factors x input width squared of every adapted matrix",
                    provenance=LIBRARY,
                ),
                kept_term(
                    plan,
                    "rotations and scaled outputs",
                    kept_bytes(plan, reached, kept),
                    "bytes x (3 x input width squared + tokens x (inputs + outputs))",
                ),
                passing_term(
                    "rotation being built",
                    largest(reached, lambda linear: 4.0 * linear.inputs**2),
                    "4 x input width squared",
                    phases=("loss", "backward"),
                ),
                turn_term(plan, int(largest(reached, lambda one: one.outputs)), TURN_BYTES),
            ),
            work=ROTATION_WORK * cubes / (6 * model.parameters * tokens),
            notes=family_notes(model, "BOFT"),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Butterfly rotations before every target module.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import put, targets  # noqa: PLC0415 - delays torch

        return put(
            model,
            plan,
            "BOFTConfig",
            boft_block_size=whole(plan, "block_size", BOFT_BLOCK),
            boft_block_num=0,
            boft_n_butterfly_factor=whole(plan, "butterfly_factors", 1),
            boft_dropout=plan.dropout,
            target_modules=targets(plan),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Bases packed for inference only cannot be rotated."""
        _ = machine
        return needs_unpacked_base(plan, "BOFT", "gptq", "awq")


def _refuse_uneven(model: ModelCard, block: int, widths: set[int]) -> None:
    uneven = sorted(width for width in widths if width % block)
    if uneven:
        raise PlanError(
            f"The width {uneven[0]} of {model.id} is no multiple of BOFT's block size {block}.",
            hint="Choose another `block_size`.",
        )
