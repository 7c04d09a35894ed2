"""What several devices and main memory cost in time: gathers, reductions, transfers."""

from __future__ import annotations

from math import log2

from advisor.schema.catalog import Gpu
from advisor.schema.plan import Plan
from advisor.schema.throughput import Throughput
from advisor.stages.estimate.work import Work

GIGA = 1e9
_SHARDED = ("zero3", "fsdp")
_REDUCED = ("ddp", "zero1", "zero2")


def lost_share(plan: Plan, throughput: Throughput) -> float:
    """Share by which computing takes longer for waiting on other devices.

    A loss by strategy for more than one device, and one more for every doubling of machines.
    """
    if plan.gpus == 1 or plan.strategy == "layer_split":
        return 0.0
    loss = throughput.several_gpus.get(plan.strategy)
    share = loss.interval.likely if loss else 0.0
    if plan.nodes > 1:
        share += throughput.doubling_nodes.interval.likely * log2(plan.nodes)
    return share


def link_bytes_per_second(plan: Plan, gpu: Gpu, throughput: Throughput) -> float:
    """Usable bytes per second of one device to the others: own links, else PCIe, else network.

    Between machines all devices of one send at once, so a machine has the sum of its network.
    """
    share = throughput.link_share.interval.likely
    if gpu.link_gb_per_second:
        inside, network = gpu.link_gb_per_second, throughput.network_gb_per_second
    else:
        inside = gpu.pcie_gb_per_second or throughput.pcie_gb_per_second.interval.likely
        network = throughput.slow_network_gb_per_second
    if plan.nodes > 1:
        per_node = max(plan.gpus // plan.nodes, 1)
        inside = min(inside, network.interval.likely * per_node)
    return inside * share * GIGA


def exchange_seconds(work: Work, gpu: Gpu, throughput: Throughput, computed: float) -> float:
    """Seconds of exchange that computing does not hide, per micro-batch.

    Full sharding gathers the weights for forward and backward and scatters gradients of trained
    ones; other strategies reduce gradients once per step. Hidden as long as it is shorter than
    computing.
    """
    plan, footprint = work.plan, work.footprint
    if plan.gpus == 1:
        return 0.0
    if plan.strategy in _SHARDED:
        weights = footprint.base_weight_bytes + footprint.adapter_weight_bytes
        moved = 2.0 * weights + footprint.gradient_bytes
    elif plan.strategy in _REDUCED:
        moved = 2.0 * footprint.gradient_bytes / plan.gradient_accumulation_steps
    else:
        return 0.0
    part = (plan.gpus - 1) / plan.gpus
    return max(moved * part / link_bytes_per_second(plan, gpu, throughput) - computed, 0.0)


def offload_seconds(work: Work, gpu: Gpu, throughput: Throughput) -> float:
    """Seconds of transfers to and from main memory that computing does not hide."""
    plan, footprint = work.plan, work.footprint
    if plan.offload == "none":
        return 0.0
    shards = 1 if plan.strategy in {"single", "ddp", "layer_split"} else plan.gpus
    rate = (gpu.pcie_gb_per_second or throughput.pcie_gb_per_second.interval.likely) * GIGA
    steps = plan.gradient_accumulation_steps
    if plan.offload == "activations":
        kept = work.model.layers * work.model.hidden_size * work.number_bytes
        moved = 2.0 * kept * work.tokens
    elif plan.offload == "weights":
        moved = (2.0 * footprint.base_weight_bytes + footprint.gradient_bytes) / shards
        moved += 2.0 * footprint.optimizer_bytes / shards / steps
    else:
        moved = (footprint.gradient_bytes + footprint.adapter_weight_bytes) / shards
        moved += 2.0 * footprint.optimizer_bytes / shards / steps
    share = throughput.link_share.interval.likely
    return moved / (rate * share) * throughput.offload_share.interval.likely
