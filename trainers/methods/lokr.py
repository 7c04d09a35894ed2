"""LoKr: the change of a matrix is the Kronecker product of two smaller ones."""

from __future__ import annotations

from functools import cache
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
from trainers.methods.options import flag, whole

GRADIENT_COPIES = 1.0
GRADIENT_LOWERED = 1.6
"""Further 32-bit copies of the matrix in its backward pass, without and with autocast."""


class LokrMethod:
    """A small full matrix and a larger low-rank one beside linear layers."""

    info = MethodInfo(
        id="lokr",
        label="LoKr",
        extra="train",
        cost_rank=2,
        needs_rank=True,
        options=(
            "decompose_factor",
            "decompose_both",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Factors as PEFT splits them; the whole change of every matrix is built and kept.

        Options: `decompose_factor` (-1: as even as possible), `decompose_both`. Published peaks of
        one model (`memory-evidence`, peft-mmqa) agree within 1 %. Raises PlanError without a rank,
        for unknown target modules, options or optimizer.
        """
        rank, size = rank_of(plan), numbers(plan)
        factor = whole(plan, "decompose_factor", -1, least=-1)
        both = flag(plan, "decompose_both", default=False)
        reached = adapted_linears(model, plan.target_modules)

        copies = GRADIENT_LOWERED if size.path < size.trained else GRADIENT_COPIES

        def kept(linear: Linear) -> Kept:
            matrix = size.path * linear.weights
            if size.casts_input:
                return Kept(per_token=size.path * linear.inputs, per_matrix=matrix)
            return Kept(shared_input=size.activation * linear.inputs, per_matrix=matrix)

        return beside(
            plan,
            model,
            trained_entries(reached, lambda one: entries(one, rank, factor, both=both)),
            terms=(
                kept_term(
                    plan,
                    "changes of weights and their inputs",
                    kept_bytes(plan, reached, kept),
                    "bytes x (adapted matrices + tokens x input widths)",
                ),
                passing_term(
                    "gradient of a change",
                    largest(reached, lambda one: float(copies * size.trained * one.weights)),
                    "bytes x largest adapted matrix",
                ),
            ),
            work=delta_work(plan, model, trained_entries(reached, lambda linear: linear.weights)),
            notes=family_notes(model, "LoKr"),
        )

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Factors beside the target modules; alpha is the rank by default.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._peft import put, targets  # noqa: PLC0415 - delays torch

        rank = rank_of(plan)
        return put(
            model,
            plan,
            "LoKrConfig",
            r=rank,
            alpha=plan.alpha or rank,
            rank_dropout=plan.dropout,
            decompose_factor=whole(plan, "decompose_factor", -1, least=-1),
            decompose_both=flag(plan, "decompose_both", default=False),
            target_modules=targets(plan),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """It needs a rank and a base whose matrices keep their shape."""
        _ = machine
        return [
            *needs_rank(plan, "LoKr"),
            *needs_unpacked_base(plan, "LoKr", "nf4", "gptq", "awq"),
        ]


def entries(linear: Linear, rank: int, factor: int, *, both: bool) -> int:
    """Trained entries for one matrix.

    Inputs and outputs are split into two factors each. The small matrix is whole, or low-rank
    where `both` are; the large one is low-rank as long as the rank is below half its longer side.
    """
    rows, columns = factors(linear.outputs, factor), factors(linear.inputs, factor)
    small, large = (rows[0], columns[0]), (rows[1], columns[1])
    low_rank = both and rank < max(small) / 2
    first = rank * sum(small) if low_rank else small[0] * small[1]
    second = rank * sum(large) if rank < max(large) / 2 else large[0] * large[1]
    return first + second


@cache
def factors(size: int, wished: int) -> tuple[int, int]:
    """Two factors of a width: the wished one and its rest, or as near to equal as can be."""
    if wished > 0 and size % wished == 0:
        return wished, size // wished
    limit = size if wished == -1 else wished
    small, large = 1, size
    for candidate in range(2, int(size**0.5) + 1):
        if candidate > limit:
            break
        if size % candidate == 0:
            small, large = candidate, size // candidate
    return small, large
