"""Bottleneck adapters: a narrow two-layer network behind every layer of the model."""

from __future__ import annotations

from advisor.contracts import MethodInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.adapted import numbers
from trainers.methods.frozen import beside, kept_term
from trainers.methods.options import whole

BOTTLENECK = 128
"""Default of ms-swift."""


class AdapterMethod:
    """Down, activation, up and a residual, once or twice per layer."""

    info = MethodInfo(
        id="adapter",
        label="bottleneck adapter",
        extra="train",
        cost_rank=1,
        recipe="lora",
        options=(
            "bottleneck",
            "per_layer",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Two linear layers with biases per adapter; input and inner activations kept.

        Options: `bottleneck` (128), `per_layer` (1; 2 as Houlsby has them). The count equals
        ms-swift's for Qwen-7B (33 689 600), and its peak there lies 0.16 GiB below LoRA's of rank 8
        on all linear layers (`memory-evidence`, swift-tuners). Raises PlanError for an unknown
        option or optimizer.
        """
        inner, each = whole(plan, "bottleneck", BOTTLENECK), whole(plan, "per_layer", 1)
        width, size = model.hidden_size, numbers(plan)
        count = model.layers * each * (2 * width * inner + inner + width)
        layers = 1 if plan.gradient_checkpointing else model.layers
        tokens = plan.micro_batch_size * plan.sequence_length
        kept = float(layers * each * tokens * size.path * (width + 2 * inner))
        return beside(
            plan,
            model,
            count,
            terms=(
                kept_term(
                    plan,
                    "adapter inputs",
                    kept,
                    "layers kept x adapters x tokens x bytes x (hidden + 2 x bottleneck)",
                ),
            ),
            notes=("What bottleneck adapters keep per token is assumed from their definition.",),
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """None known."""
        _ = plan, machine
        return []
