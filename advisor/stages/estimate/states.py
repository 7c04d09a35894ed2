"""Weights, gradients and optimizer states of one device, and how sharding splits them."""

from __future__ import annotations

from advisor.stages.estimate.work import Work

_SHARDS_WEIGHTS = ("zero3", "fsdp")
_SHARDS_GRADIENTS = ("zero2", *_SHARDS_WEIGHTS)
_SHARDS_STATES = ("zero1", *_SHARDS_GRADIENTS)
_BY_KIND = {
    "no": (),
    "weights": _SHARDS_WEIGHTS,
    "gradients": _SHARDS_GRADIENTS,
    "states": _SHARDS_STATES,
}


def devices_sharing(work: Work, kind: str) -> int:
    """Over how many devices `weights`, `gradients` or `states` are split."""
    return work.plan.gpus if work.plan.strategy in _BY_KIND[kind] else 1


def weight_bytes(work: Work) -> float:
    """Base weights as loaded, one device's share."""
    return work.footprint.base_weight_bytes / devices_sharing(work, "weights")


def adapter_bytes(work: Work) -> float:
    """Adapter weights, one device's share."""
    return work.footprint.adapter_weight_bytes / devices_sharing(work, "weights")


def gradient_bytes(work: Work) -> float:
    """All gradients, one device's share; twice under ddp, whose buckets hold them again."""
    buckets = 2 if work.plan.strategy == "ddp" else 1
    return work.footprint.gradient_bytes / devices_sharing(work, "gradients") * buckets


def optimizer_bytes(work: Work) -> float:
    """Optimizer states, one device's share."""
    return work.footprint.optimizer_bytes / devices_sharing(work, "states")


def gathered_bytes(work: Work) -> float:
    """Full sharding gathers one layer's weights, and prefetches the next."""
    if devices_sharing(work, "weights") == 1:
        return 0.0
    return 2 * work.footprint.base_weight_bytes / work.model.layers
