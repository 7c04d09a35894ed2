"""Weights, gradients and optimizer states of one device."""

from __future__ import annotations

from advisor.stages.estimate.sharding import bucket_bytes, share
from advisor.stages.estimate.work import Work


def weight_bytes(work: Work) -> float:
    """Base weights as loaded, one device's share."""
    return work.footprint.base_weight_bytes * share(work, "weights")


def adapter_bytes(work: Work) -> float:
    """Adapter weights, one device's share."""
    return work.footprint.adapter_weight_bytes * share(work, "weights")


def gradient_bytes(work: Work) -> float:
    """All gradients, one device's share, and the buckets they travel in."""
    return work.footprint.gradient_bytes * share(work, "gradients") + bucket_bytes(work)


def optimizer_bytes(work: Work) -> float:
    """Optimizer states and 32-bit copies, one device's share."""
    return work.footprint.optimizer_bytes * share(work, "states")
