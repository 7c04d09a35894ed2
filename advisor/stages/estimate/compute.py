"""Tokens to floating point work to hours, as intervals."""

from __future__ import annotations

from advisor.schema.base import Figure, Interval
from advisor.schema.catalog import Gpu, ModelCard, Stack
from advisor.schema.plan import Footprint, Plan
from advisor.units import hours_from_seconds

FULL_WORK = 6.0
"""Floating point operations per token and parameter: 2 forward, 4 backward."""
RECOMPUTED_WORK = 2.0
"""The second forward pass of checkpointing."""
TERA = 1e12


def work_per_token(plan: Plan, model: ModelCard, footprint: Footprint) -> float:
    """Floating point operations per token: parameters x (6 x share + 2 under checkpointing)."""
    active = model.active_parameters or model.parameters
    again = RECOMPUTED_WORK if plan.gradient_checkpointing else 0.0
    return active * (FULL_WORK * footprint.compute_share + again)


def peak_tflops(gpu: Gpu, plan: Plan) -> float | None:
    """Dense 16-bit rate a plan trains with; unknown for CPUs and for unlisted cards."""
    if plan.precision == "float16":
        return gpu.fp16_tflops
    return gpu.bf16_tflops or gpu.fp16_tflops


def utilisation(stack: Stack, gpu: Gpu, catalog_id: str) -> Figure:
    """Share of the peak that the GPU's class reaches."""
    _ = gpu
    for entry in stack.utilisation:
        if catalog_id in entry.gpus:
            return entry.share
    return next(entry.share for entry in stack.utilisation if not entry.gpus)


def tokens_per_second(
    plan: Plan, model: ModelCard, footprint: Footprint, *, gpu: Gpu, stack: Stack
) -> Interval | None:
    """Training tokens per second over all devices.

    Devices x peak x utilisation x t / (t + t0) x scaling / work per token, t = tokens of one
    micro-batch. None when the device's rate is unknown.
    """
    rate = peak_tflops(gpu, plan)
    if rate is None or gpu.is_cpu:
        return None
    batch = plan.micro_batch_size * plan.sequence_length
    share, half = utilisation(stack, gpu, gpu.id).interval, stack.small_batch_tokens.interval
    several = plan.gpus > 1
    scale = stack.scaling.interval if several else Interval(low=1, likely=1, high=1)
    unit = plan.gpus * rate * TERA / work_per_token(plan, model, footprint)
    return Interval(
        low=unit * share.low * scale.low * batch / (batch + half.likely),
        likely=unit * share.likely * scale.likely * batch / (batch + half.likely),
        high=unit * share.high * scale.high * batch / (batch + half.likely),
    )


def training_tokens(plan: Plan) -> float:
    """Tokens processed over all epochs; a full sequence per example where tokens are unknown."""
    per_epoch = plan.tokens or (plan.examples or 0) * plan.sequence_length
    return per_epoch * plan.epochs


def hours(plan: Plan, speed: Interval | None) -> Interval | None:
    """Hours of training steps; start-up, downloads and evaluation are not counted."""
    tokens = training_tokens(plan)
    if speed is None or tokens <= 0:
        return None
    return Interval(
        low=hours_from_seconds(tokens / speed.high),
        likely=hours_from_seconds(tokens / speed.likely),
        high=hours_from_seconds(tokens / speed.low),
    )
