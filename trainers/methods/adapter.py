"""Bottleneck adapters: a narrow two-layer network behind every layer of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from trainers.methods.adapted import numbers
from trainers.methods.frozen import beside, kept_term, needs_unpacked_base
from trainers.methods.options import whole

BOTTLENECK = 128
"""Default of ms-swift."""
MOST_PER_LAYER = 2


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
        inner, each = _shape(plan)
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

    def apply(self, model: Any, plan: Plan) -> Applied:
        """An adapter that begins as nothing behind every layer, or behind both of its parts.

        Raises PlanError for a packed base, or parts that cannot be told.
        """
        from trainers.methods._bottleneck import put_bottlenecks  # noqa: PLC0415 - delays torch

        return put_bottlenecks(model, plan, *_shape(plan))

    def keep(self, model: Any, folder: Path) -> None:
        """`bottleneck.safetensors` and `bottleneck_config.json`."""
        from trainers.methods._bottleneck import keep_bottlenecks  # noqa: PLC0415 - delays torch

        keep_bottlenecks(model, folder)

    def restore(self, model: Any, folder: Path) -> Any:
        """The base with its adapters. Raises ModelFolderError where they do not fit."""
        from trainers.methods._bottleneck import restore_bottlenecks  # noqa: PLC0415 - delays torch

        return restore_bottlenecks(model, folder)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Transformers refuses to train on a packed base with any but PEFT's adapters."""
        _ = machine
        packings = ("nf4", "int8", "gptq", "awq", "fp8")
        return needs_unpacked_base(plan, "A bottleneck adapter", *packings)


def _shape(plan: Plan) -> tuple[int, int]:
    """Width of the bottleneck, and adapters per layer. Raises PlanError for other numbers."""
    each = whole(plan, "per_layer", 1)
    if each > MOST_PER_LAYER:
        raise PlanError(
            f"The option 'per_layer' is {each}.",
            hint="Give 1 (behind every layer) or 2 (behind its attention and feed-forward part).",
        )
    return whole(plan, "bottleneck", BOTTLENECK), each
