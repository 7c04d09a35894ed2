"""How several GPUs and main memory share a run: shares, gathered units, buckets, master copies."""

from __future__ import annotations

from typing import Literal

from advisor.schema.plan import Phase
from advisor.stages.estimate.memory.work import NUMBER_BYTES, Work

Kind = Literal["no", "weights", "gradients", "states"]

_SHARDS_WEIGHTS = ("zero3", "fsdp")
_SHARDS_GRADIENTS = ("zero2", *_SHARDS_WEIGHTS)
_SHARDS_STATES = ("zero1", *_SHARDS_GRADIENTS)
_BY_KIND: dict[str, tuple[str, ...]] = {
    "no": (),
    "weights": _SHARDS_WEIGHTS,
    "gradients": _SHARDS_GRADIENTS,
    "states": _SHARDS_STATES,
}
BUCKET_NUMBERS = 2e8
"""Numbers in one bucket of ZeRO's reductions and gatherings (the configurations' usual value)."""
BUCKETS = 2.0
"""Buckets alive at once: one is filled while the other is sent."""
MASTER_BYTES = 4
"""DeepSpeed steps 32-bit copies of 16-bit weights, which needs gradients in 32 bits."""
UNRETAINED_LAYERS = 2


def devices_sharing(work: Work, kind: str) -> int:
    """Over how many devices `weights`, `gradients` or `states` are split."""
    return work.plan.gpus if work.plan.strategy in _BY_KIND[kind] else 1


def share(work: Work, kind: str) -> float:
    """The part of all weights, gradients or states that one GPU holds.

    A share under sharding, the fullest card's layers under layer split, nothing where main memory
    holds them.
    """
    plan = work.plan
    if plan.offload == "weights" and kind != "no":
        return 0.0
    if plan.offload == "optimizer" and (kind == "states" or _sends_gradients(work, kind)):
        return 0.0
    if plan.strategy == "layer_split" and kind != "no":
        return layers_of_fullest_card(work) / work.model.layers
    return 1.0 / devices_sharing(work, kind)


def _sends_gradients(work: Work, kind: str) -> bool:
    """DeepSpeed's optimizer in main memory takes gradients there bucket by bucket."""
    return kind == "gradients" and work.plan.strategy.startswith("zero")


def layers_of_fullest_card(work: Work) -> int:
    """Layers are dealt out whole, so one card may hold one more than its part."""
    return -(-work.model.layers // work.plan.gpus)


def kept_share(work: Work) -> float:
    """The part of the activations between forward and backward that one GPU keeps."""
    plan, layers = work.plan, work.model.layers
    if plan.offload == "activations":
        return min(2.0, layers) / layers  # one layer's on its way out, one on its way in
    if plan.strategy == "layer_split":
        return layers_of_fullest_card(work) / layers
    return 1.0


def is_gathered(work: Work) -> bool:
    """Whether weights lie in shards and are put together unit by unit."""
    return work.plan.strategy in _SHARDS_WEIGHTS and (
        work.plan.gpus > 1 or work.plan.offload == "weights"
    )


def units(work: Work) -> tuple[float, float]:
    """Bytes of the unit around embeddings and head, and of one layer, when gathered.

    A unit is gathered in the precision that products are computed in; packed weights stay packed.
    """
    plan, model = work.plan, work.model
    stored = NUMBER_BYTES[plan.unquantised_precision or plan.precision]
    outside = (model.embedding_parameters or 0) + (model.head_parameters or 0)
    if model.embedding_parameters is None:
        tables = 1 if model.tied_embeddings else 2
        outside = tables * model.vocabulary_size * model.hidden_size
    root = float(outside * stored)
    layer = max(work.footprint.base_weight_bytes - root, 0.0) / model.layers
    if plan.quantisation == "none":
        narrower = work.number_bytes / _weight_bytes(work)
        root, layer = root * min(narrower, 1.0), layer * min(narrower, 1.0)
    return root, layer


def _weight_bytes(work: Work) -> float:
    """Bytes of one stored base weight that is not packed."""
    return max(work.footprint.base_weight_bytes / work.model.parameters, 1.0)


def gathered_bytes(work: Work, phase: Phase) -> float:
    """Whole units on the device: the outer one from the loss on, a layer in the backward pass.

    Measured on A100s under FSDP: peak minus shards and activations is embeddings, head and exactly
    one layer, or without the layer where the loss decides the peak (memory-evidence, fms-packed).
    """
    if not is_gathered(work) or phase not in ("loss", "backward", "backward_end"):
        return 0.0
    root, layer = units(work)
    if work.stack.gathers_all:
        return root + layer * work.model.layers
    return root if phase == "loss" else root + layer


def loose_gradient_bytes(work: Work) -> float:
    """Whole gradients of the unit in work, before they are reduced and sharded."""
    if not is_gathered(work) or not work.trains_all:
        return 0.0
    root, layer = units(work)
    return root + layer * (work.model.layers if work.stack.gathers_all else 1)


def retained_gradient_bytes(work: Work) -> float:
    """Gradients of layer inputs that FSDP's first version holds until the pass ends.

    Where a unit is frozen, its hook waits for the gradients of all inputs and keeps them: tokens x
    hidden x bytes for every layer but two (memory-evidence: slopes on one card against two and
    four differ by exactly 30 x hidden x 2 bytes per token with 32 layers). Units that are trained
    have no such hook.
    """
    plan, model = work.plan, work.model
    hooked = plan.strategy == "fsdp" or (plan.strategy == "ddp" and work.stack.wraps_replicas)
    if not hooked or plan.gpus == 1 or work.trains_all or work.stack.gathers_all:
        return 0.0
    held = max(model.layers - UNRETAINED_LAYERS, 0)
    return float(held * work.tokens * model.hidden_size * work.number_bytes)


def bucket_bytes(work: Work) -> float:
    """Buffers in which gradients travel, beside the gradients themselves."""
    plan, foot = work.plan, work.footprint
    if plan.strategy == "ddp":
        return 0.0 if work.stack.wraps_replicas else foot.gradient_bytes
    if plan.strategy not in ("zero1", "zero2", "zero3") or not foot.trainable_parameters:
        return 0.0
    numbers = min(BUCKET_NUMBERS, float(foot.trainable_parameters))
    return BUCKETS * numbers * foot.gradient_bytes / foot.trainable_parameters


def master_gradient_bytes(work: Work) -> float:
    """DeepSpeed's 32-bit gradients of the device's part, made for the optimizer step."""
    foot = work.footprint
    if not work.plan.strategy.startswith("zero") or not foot.trainable_parameters:
        return 0.0
    if foot.gradient_bytes >= MASTER_BYTES * foot.trainable_parameters:
        return 0.0
    return float(MASTER_BYTES * foot.trainable_parameters) * share(work, "states")
