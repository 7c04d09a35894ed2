"""Tokens per second of a plan over all devices, as an interval within what hardware can carry."""

from __future__ import annotations

from math import exp, log, sqrt

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.throughput import Throughput
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.throughput.batches import Batch, batch_of
from advisor.stages.estimate.throughput.exchange import (
    exchange_floor,
    offload_seconds,
    transfer_floor,
)
from advisor.stages.estimate.throughput.flops import attention_work, product_work
from advisor.stages.estimate.throughput.speed import (
    Setting,
    StepSeconds,
    bits_gain,
    setting,
    sparsity,
    step_seconds,
)


def devices_at_work(work: Work) -> int:
    """Devices that compute at the same time; layers split over devices take turns."""
    return 1 if work.plan.strategy == "layer_split" else work.plan.gpus


def time_spread(work: Work, at: Setting, parts: StepSeconds) -> tuple[float, float]:
    """Factors on the likely time at the 10 % and 90 % points.

    The spread of published runs, with what the weaker constants add in quadrature.
    """
    spread, known = at.spread.interval, at.throughput
    low, high = log(spread.low / spread.likely) ** 2, log(spread.high / spread.likely) ** 2
    total = parts.total
    sparse = sparsity(work)
    if sparse > 1.0:
        experts = at.stack.expert_exponent.interval
        low += log(sparse ** (experts.low - experts.likely)) ** 2
        high += log(sparse ** (experts.high - experts.likely)) ** 2
    unpacking = known.dequantise_milliseconds.get(work.plan.quantisation, known.link_share)
    for seconds, figure in (
        (parts.dequantise, unpacking),
        (parts.attention, at.stack.attention_cost),
        (parts.small_batch, at.stack.launch_milliseconds),
        (parts.exchange, known.link_share),
        (parts.generation, known.decode_share),
    ):
        share = seconds / total
        if share > 0.02:
            interval = figure.interval
            ratios = (interval.low / interval.likely, interval.high / interval.likely)
            low += log(1.0 + share * (ratios[0] - 1.0)) ** 2
            high += log(1.0 + share * (ratios[1] - 1.0)) ** 2
    if parts.offload:
        offload = offload_seconds(work, at.gpu, known, parts.computed)
        low += log(1.0 + (offload.low - offload.likely) / total) ** 2
        high += log(1.0 + (offload.high - offload.likely) / total) ** 2
    return exp(-sqrt(low)), exp(sqrt(high))


def tokens_per_second(work: Work, gpu: Gpu, throughput: Throughput) -> Interval | None:
    """Tokens of samples, padding not counted, per second over all devices; None if unknown."""
    at = setting(work, gpu, throughput)
    if at is None:
        return None
    batch = batch_of(work)
    return speed_interval(work, at, batch, step_seconds(work, at, batch))


def speed_interval(work: Work, at: Setting, batch: Batch, parts: StepSeconds) -> Interval:
    """Useful tokens of one micro-batch on all devices over its seconds, never above `ceiling`."""
    low, high = time_spread(work, at, parts)
    best = ceiling(work, at, batch)
    likely = devices_at_work(work) * batch.useful / (parts.total * at.spread.interval.likely)
    likely = min(likely, best)
    return Interval(low=likely / high, likely=likely, high=min(likely / low, best))


def ceiling(work: Work, at: Setting, batch: Batch) -> float:
    """Tokens per second that the card's peak and the full rate of its links can carry."""
    operations = product_work(work) / bits_gain(at, work.plan.matmul_bits)
    operations += attention_work(work, batch.length)
    seconds = max(
        operations * batch.tokens / at.rate,
        transfer_floor(work, at.gpu, at.throughput),
        exchange_floor(work, at.gpu, at.throughput),
    )
    return devices_at_work(work) * batch.useful / seconds
