"""What several devices and main memory cost in time: gathers, reductions, transfers."""

from __future__ import annotations

from math import log2
from typing import NamedTuple

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.plan import Plan
from advisor.schema.throughput import Throughput
from advisor.stages.estimate.memory.work import Work

GIGA = 1e9
_SHARDED = ("zero3", "fsdp")
_REDUCED = ("ddp", "zero1", "zero2")
NOTHING = Interval(low=0.0, likely=0.0, high=0.0)


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
    moved = exchanged_bytes(work)
    if not moved:
        return 0.0
    return max(moved / link_bytes_per_second(work.plan, gpu, throughput) - computed, 0.0)


def exchanged_bytes(work: Work) -> float:
    """Bytes that one device receives from the others per micro-batch."""
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
    return moved * (plan.gpus - 1) / plan.gpus


def exchange_floor(work: Work, gpu: Gpu, throughput: Throughput) -> float:
    """Seconds that the exchange takes at the full nominal rate of the links."""
    moved = exchanged_bytes(work)
    if not moved:
        return 0.0
    share = throughput.link_share.interval.likely
    return moved / (link_bytes_per_second(work.plan, gpu, throughput) / share)


class Transfer(NamedTuple):
    """Bytes of one device that a micro-batch moves between card and main memory."""

    into: float
    """To the card during the passes."""
    out: float
    """From the card during the passes."""
    updated: float
    """Both ways in the optimizer step, spread over the micro-batches; nothing hides it."""


def offloaded(work: Work) -> Transfer:
    """What waits in main memory is fetched for forward and again for backward.

    Activations go out once and come back once. Gradients of what the optimizer updates in main
    memory go out, and its results come back.
    """
    plan, footprint = work.plan, work.footprint
    if plan.offload == "none":
        return Transfer(0.0, 0.0, 0.0)
    if plan.offload == "activations":
        kept = work.model.layers * work.model.hidden_size * work.number_bytes * work.tokens
        return Transfer(kept, kept, 0.0)
    shards = 1 if plan.strategy in {"single", "ddp", "layer_split"} else plan.gpus
    updated = 2.0 * footprint.optimizer_bytes / plan.gradient_accumulation_steps
    weights = 2.0 * footprint.base_weight_bytes
    into = weights if plan.offload == "weights" else footprint.adapter_weight_bytes
    return Transfer(into / shards, footprint.gradient_bytes / shards, updated / shards)


def main_memory_bytes_per_second(gpu: Gpu, throughput: Throughput) -> float:
    """Nominal rate of the card's way to main memory, one way."""
    return (gpu.pcie_gb_per_second or throughput.pcie_gb_per_second.interval.likely) * GIGA


def offload_seconds(work: Work, gpu: Gpu, throughput: Throughput, computed: float) -> Interval:
    """Seconds that transfers to and from main memory add to computing, per micro-batch.

    Transfers of the passes run beside computing, so the longer of the two counts, and of the
    shorter the share that does not overlap; those of the optimizer step stand by themselves.
    """
    moved = offloaded(work)
    if moved.into + moved.out + moved.updated == 0.0:
        return NOTHING
    rate = main_memory_bytes_per_second(gpu, throughput)
    links, shown = throughput.link_share.interval, throughput.offload_share.interval

    def added(link: float, apart: float) -> float:
        streamed = (moved.into + moved.out) / (rate * link)
        longer = max(streamed - computed, 0.0) + apart * min(streamed, computed)
        return longer + moved.updated / (rate * link)

    return Interval(
        low=added(links.high, shown.low),
        likely=added(links.likely, shown.likely),
        high=added(links.low, shown.high),
    )


def transfer_floor(work: Work, gpu: Gpu, throughput: Throughput) -> float:
    """Seconds that the way to main memory takes at its full nominal rate in both directions."""
    moved = offloaded(work)
    rate = main_memory_bytes_per_second(gpu, throughput)
    return (max(moved.into, moved.out) + moved.updated / 2.0) / rate
