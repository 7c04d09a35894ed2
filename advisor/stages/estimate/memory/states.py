"""Weights, gradients and optimizer states of one device."""

from __future__ import annotations

from advisor.stages.estimate.memory.activations import follows_gradients
from advisor.stages.estimate.memory.sharding import Kind, is_gathered, share
from advisor.stages.estimate.memory.work import NUMBER_BYTES, Work

CAST_BYTES = 2
"""Of a weight that autocast has lowered."""


def weight_bytes(work: Work) -> float:
    """Base weights as loaded, and a head of its own where the stack has one; one device's share."""
    return (work.footprint.base_weight_bytes + _own_head_bytes(work)) * share(work, "weights")


def _own_head_bytes(work: Work) -> float:
    """Of a head that the software holds beside the embeddings it is tied to."""
    model = work.model
    if not (work.stack.unties_head and model.tied_embeddings):
        return 0.0
    return float(work.number_bytes * model.vocabulary_size * model.hidden_size)


def weight_inputs(work: Work) -> dict[str, float | int | str]:
    """What the weights are computed from; the formula over them gives `weight_bytes`."""
    foot, plan, parameters = work.footprint, work.plan, work.model.parameters
    packed = foot.packed_parameters
    others = max(parameters - packed, 0)
    rest = foot.base_weight_bytes - packed * foot.bytes_per_packed
    found: dict[str, float | int | str] = {"parameters": parameters}
    if packed:
        found |= {"packed_parameters": packed, "bytes_per_packed": foot.bytes_per_packed}
        found |= {"quantisation": plan.quantisation}
        precision = plan.unquantised_precision or plan.precision
    else:
        precision = work.trained_precision if work.trains_all else plan.precision
    found |= {"other_parameters": others, "bytes_per_other": rest / max(others, 1)}
    if head := _own_head_bytes(work):
        found["head_bytes"] = head
    return found | {"precision": precision, "share": share(work, "weights")}


def trained_inputs(work: Work, size: float, kind: Kind) -> dict[str, float | int | str]:
    """What bytes of trained parameters are computed from."""
    count = work.footprint.trainable_parameters
    return {
        "trainable_parameters": count,
        "bytes_per_parameter": size / max(count, 1),
        "share": share(work, kind),
    }


def adapter_bytes(work: Work) -> float:
    """Adapter weights, one device's share."""
    return work.footprint.adapter_weight_bytes * share(work, "weights")


def gradient_bytes(work: Work) -> float:
    """All gradients that live at once, one device's share."""
    return live_gradient_bytes(work) * share(work, "gradients")


def live_gradient_bytes(work: Work) -> float:
    """All gradients that live at once, over all devices."""
    foot = work.footprint
    if foot.gathered_gradients:
        return foot.gradient_bytes
    return min(foot.gradient_bytes, _largest_unit(work) * _bytes_per_gradient(work))


def first_gradient_bytes(work: Work) -> float:
    """Of a trained head and one layer, when the backward pass has just begun."""
    foot = work.footprint
    if not work.trains_all:
        return 0.0
    head = work.model.vocabulary_size * work.model.hidden_size
    layer = max(group.parameters for group in work.model.layer_groups)
    if follows_gradients(work):  # the layer's come with its own turn
        layer = 0
    parts = max(head, layer) if not foot.gathered_gradients else head + layer
    size = min(parts * _bytes_per_gradient(work), foot.gradient_bytes)
    return size * share(work, "gradients")


def end_bytes(work: Work, layer: float) -> float:
    """What the end of the backward pass adds to all gradients.

    The lowest layer's turn, less the embeddings' gradient that comes only after it; or, where head
    and embeddings are one matrix, a second gradient of it that is added to the first.
    """
    if not work.trains_all:
        return layer
    table = work.model.vocabulary_size * work.model.hidden_size * _bytes_per_gradient(work)
    if work.model.tied_embeddings:
        return max(layer, table)
    return max(layer - table * share(work, "gradients"), 0.0)


def _bytes_per_gradient(work: Work) -> float:
    foot = work.footprint
    return foot.gradient_bytes / max(foot.trainable_parameters, 1)


def _largest_unit(work: Work) -> int:
    """Parameters of the largest layer or embedding table."""
    model = work.model
    layer = max(group.parameters for group in model.layer_groups)
    return max(layer, model.vocabulary_size * model.hidden_size)


def optimizer_bytes(work: Work) -> float:
    """Optimizer states and 32-bit copies that torch's allocator sees, one device's share."""
    foot = work.footprint
    return max(foot.optimizer_bytes - foot.paged_bytes, 0.0) * share(work, "states")


def paged_bytes(work: Work) -> float:
    """Optimizer states on the device that the allocator does not see, one device's share."""
    return work.footprint.paged_bytes * share(work, "states")


def cast_bytes(work: Work) -> tuple[float, float]:
    """Copies of 32-bit weights that autocast has lowered: at the loss, and at one layer's turn.

    Those of trained weights are cached for the whole forward pass, those of frozen ones live as
    long as a backward pass needs them: the head's, and under recomputation one layer's. Where
    weights are gathered, the gathered units are in 16 bits already.
    """
    plan, model = work.plan, work.model
    stored = NUMBER_BYTES[plan.precision]
    if work.trains_all:
        stored = NUMBER_BYTES[work.trained_precision]
    is_lowered = plan.base_bits >= 16 and work.number_bytes < stored
    if plan.compute_precision is None or not is_lowered or is_gathered(work):
        return 0.0, 0.0
    layers = model.layer_groups
    everything = float(CAST_BYTES * sum(group.count * group.parameters for group in layers))
    entries = model.vocabulary_size
    if plan.loss_head == "chunked":
        entries = min(entries, work.stack.fused_loss_vocabulary)
    head = float(CAST_BYTES * entries * model.hidden_size)
    holds_all = work.trains_all or not plan.gradient_checkpointing
    at_loss = everything + head if holds_all else head
    one = float(CAST_BYTES * max(group.parameters for group in layers))
    return at_loss, one if plan.gradient_checkpointing else everything
