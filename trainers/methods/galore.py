"""GaLore: all weights are trained; the optimizer sees their gradients projected to a low rank."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.optimizers import optimizer_state_bytes, paged_bytes
from trainers.methods.options import flag, whole
from trainers.methods.partial import embeddings, head, needs_own_weights, trained_bytes
from trainers.methods.states import WEIGHT_BYTES

RANK = 128
"""Default of GaLore and of ms-swift."""
PROJECTION_COPIES = 4
"""32-bit copies of a matrix while its singular vectors are sought: it, both sides, workspace."""
SLOWDOWN = 1.3
"""Work against full tuning: 1.10 against 1.43 samples/s (`memory-evidence`, swift-tuners)."""


class GaloreMethod:
    """All weights and gradients, states of projected gradients."""

    info = MethodInfo(
        id="galore",
        label="GaLore",
        extra="train",
        cost_rank=3,
        options=(
            "rank",
            "layerwise",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """States of rank x the longer side of every linear matrix, whole ones for everything else.

        Options: `rank` (128, or the plan's), `layerwise` (gradients are used up within the backward
        pass, off). Raises PlanError for an unknown option or optimizer.
        """
        rank = plan.rank or whole(plan, "rank", RANK)
        size, count = trained_bytes(plan), model.parameters
        moved, projectors, inside, largest = _projected(model, rank)
        outside = max(count - inside, 0)
        tables = min(embeddings(model) + head(model), outside)
        states = optimizer_state_bytes(plan.optimizer, moved + outside, size, embeddings=tables)
        layerwise = flag(plan, "layerwise", default=False)
        gradients = max(largest, tables) if layerwise else count
        return Footprint(
            trainable_parameters=count,
            base_weight_bytes=float(WEIGHT_BYTES[plan.precision] * count)
            if plan.trained_precision is None
            else float(size * count),
            gradient_bytes=float(size * gradients),
            optimizer_bytes=states + float(size * projectors),
            paged_bytes=paged_bytes(plan.optimizer, states),
            compute_share=SLOWDOWN,
            trains_head=True,
            gathered_gradients=not layerwise,
            extra_terms=(_projection(largest),),
            notes=(
                "Qwen-7B was measured at 47.0 GiB reserved with rank 128, 73.5 in full tuning.",
            ),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Layer by layer there is nothing to accumulate into."""
        _ = machine
        found = needs_own_weights(plan, "GaLore")
        if plan.method_options.get("layerwise") and plan.gradient_accumulation_steps > 1:
            found.append(
                Obstacle(
                    severity="blocks",
                    message="Layerwise GaLore cannot accumulate gradients.",
                    hint="Use --grad-accum 1.",
                )
            )
        return found


def _projected(model: ModelCard, rank: int) -> tuple[int, int, int, int]:
    """Entries of projected gradients, of projectors, of the projected matrices, of the largest."""
    moved = projectors = inside = largest = 0
    for group in model.layer_groups:
        for linear in group.linears:
            times = group.count * linear.copies
            short, long = sorted((linear.inputs, linear.outputs))
            kept = min(rank, short)
            moved += times * kept * long
            projectors += times * kept * short
            inside += times * linear.weights
            largest = max(largest, linear.weights)
    return moved, projectors, inside, largest


def _projection(largest: int) -> ExtraTerm:
    size = float(4 * PROJECTION_COPIES * largest)
    return ExtraTerm(
        name="projection being sought",
        bytes=Interval(low=0.0, likely=size, high=2 * size),
        formula="4 copies x 4 bytes x entries of the largest matrix",
        provenance=Provenance(kind="assumed", source="authors-judgement"),
        phases=("optimizer_step",),
    )
