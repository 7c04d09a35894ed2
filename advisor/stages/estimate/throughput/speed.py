"""Seconds of one micro-batch on one device, part by part."""

from __future__ import annotations

from typing import NamedTuple

from advisor.schema.base import Figure
from advisor.schema.catalog import Gpu
from advisor.schema.throughput import Cell, GpuClass, StackSpeed, Throughput
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.throughput.batches import Batch
from advisor.stages.estimate.throughput.exchange import (
    exchange_seconds,
    lost_share,
    offload_seconds,
)
from advisor.stages.estimate.throughput.flops import (
    attention_work,
    forward_share,
    moved_elements,
    product_work,
    shape_of,
)
from advisor.stages.estimate.throughput.place import place_of

TERA, GIGA, MILLI, MICRO = 1e12, 1e9, 1e-3, 1e-6
SHARPNESS = 3
"""How sharply a micro-batch turns from being bound by the host to being bound by the GPU."""
FLOPS_PER_BYTE = 180.0
"""Peak rate over memory bandwidth of common cards, where a card's bandwidth is not known."""


class Setting(NamedTuple):
    """What hardware and software a plan meets, with the constants that hold for them."""

    gpu: Gpu
    rate: float
    """Dense operations per second of the precision that products run in."""
    bandwidth: float
    """Bytes per second of the card's memory."""
    throughput: Throughput
    stack: StackSpeed
    gpu_class: GpuClass
    cell: Cell | None
    """What was published for the two classes together."""
    spread: Figure


class StepSeconds(NamedTuple):
    """Where the time of one micro-batch on one device goes."""

    products: float
    attention: float
    traffic: float
    small_batch: float
    """What a micro-batch loses to kernels too small for the GPU, or waiting for the host."""
    dequantise: float
    lost: float
    exchange: float
    offload: float
    generation: float
    optimizer: float
    """Of one step, spread over the micro-batches that it accumulates."""

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)

    @property
    def computed(self) -> float:
        """What the device itself takes for the passes."""
        return self.products + self.attention + self.traffic + self.small_batch + self.dequantise


def peak_rate(work: Work, gpu: Gpu, throughput: Throughput) -> float | None:
    """Dense operations per second in the precision of the products; None where unknown."""
    precision = work.plan.compute_precision or work.plan.precision
    half = gpu.fp16_tflops if precision == "float16" else gpu.bf16_tflops or gpu.fp16_tflops
    if half is None or gpu.is_cpu:
        return None
    share = throughput.float32_share.interval.likely if precision == "float32" else 1.0
    return half * share * TERA


def setting(work: Work, gpu: Gpu, throughput: Throughput) -> Setting | None:
    """The constants for a plan on a card; None where the card's rate is unknown."""
    rate = peak_rate(work, gpu, throughput)
    if rate is None:
        return None
    place = place_of(throughput, work.plan.stack, gpu)
    bandwidth = gpu.bandwidth_gb_per_second
    return Setting(
        gpu=gpu,
        rate=rate,
        bandwidth=bandwidth * GIGA if bandwidth else rate / FLOPS_PER_BYTE,
        throughput=throughput,
        stack=place.stack,
        gpu_class=place.gpu_class,
        cell=place.cell,
        spread=throughput.spread[place.evidence],
    )


def product_share(at: Setting) -> float:
    """Share of the peak that matrix products reach, never more than the card was seen to reach."""
    share = at.stack.matmul_share.interval.likely * at.gpu_class.share.interval.likely
    return min(share, at.gpu.achievable_share or 1.0)


def bits_gain(at: Setting, bits: int) -> float:
    """How much faster matrix products of so many bits are than of 16."""
    if bits == 16:
        return 1.0
    figure = at.stack.eight_bit_gain if bits == 8 else at.stack.four_bit_gain
    return figure.interval.likely


def sparsity(work: Work) -> float:
    """All parameters over those that one token uses."""
    return work.model.parameters / (work.model.active_parameters or work.model.parameters)


def attention_cost(at: Setting) -> float:
    """How much longer an operation of attention takes than one of a 16-bit matrix product."""
    return at.stack.attention_cost.interval.likely * at.gpu_class.attention_cost.interval.likely


def step_seconds(work: Work, at: Setting, batch: Batch) -> StepSeconds:
    """Seconds of one micro-batch, part by part.

    Products and attention at their share of the peak, activations and logits at memory
    bandwidth, a constant per micro-batch, unpacking of quantised weights, then what several
    devices, main memory and generation add.
    """
    plan, known, footprint = work.plan, at.throughput, work.footprint
    effective = at.rate * product_share(at)
    per_token = product_work(work) / (bits_gain(at, plan.matmul_bits) * effective)
    per_token *= sparsity(work) ** at.stack.expert_exponent.interval.likely
    attention = attention_work(work, batch.length) * attention_cost(at) / effective
    products, attended = per_token * batch.tokens, attention * batch.tokens
    moved = _moved_bytes(work, at, batch) * batch.tokens / at.bandwidth
    unpacked = _unpacking(work, at)
    start = (per_token + attention) * known.small_batch_tokens.interval.likely
    busy = products + attended + moved + unpacked + start
    computed = (busy**SHARPNESS + launch_seconds(work, at) ** SHARPNESS) ** (1 / SHARPNESS)
    updated = known.optimizer_bytes.interval.likely * footprint.trainable_parameters
    shards = plan.gpus if plan.strategy not in {"single", "ddp", "layer_split"} else 1
    return StepSeconds(
        products=products,
        attention=attended,
        traffic=moved,
        small_batch=start + computed - busy,
        dequantise=unpacked,
        lost=computed * lost_share(plan, known),
        exchange=exchange_seconds(work, at.gpu, known, computed),
        offload=offload_seconds(work, at.gpu, known, computed).likely,
        generation=_generation(work, at),
        optimizer=updated / at.bandwidth / shards / plan.gradient_accumulation_steps,
    )


def launch_seconds(work: Work, at: Setting) -> float:
    """Time the host takes to launch the kernels of a micro-batch, over layers and passes."""
    passes = 1.0 + work.footprint.backward_share + forward_share(work)
    each = at.stack.launch_milliseconds.interval.likely * MILLI
    if work.footprint.trainable_parameters >= work.model.parameters:
        each *= at.throughput.full_launch_factor.interval.likely
    expert = at.stack.expert_microseconds.interval.likely * MICRO
    return passes * (each * work.model.layers + expert * shape_of(work.model).experts)


def _moved_bytes(work: Work, at: Setting, batch: Batch) -> float:
    """Bytes per token beside the products: activations of all passes, and the logits."""
    layers = at.stack.traffic_bytes.interval.likely * moved_elements(work, batch.length)
    head = at.throughput.logits_bytes[work.plan.loss_head].interval.likely
    return layers + head * work.model.vocabulary_size


def _unpacking(work: Work, at: Setting) -> float:
    """Every pass unpacks all quantised weights: two passes, three under checkpointing."""
    figure = at.throughput.dequantise_milliseconds.get(work.plan.quantisation)
    if figure is None:
        return 0.0
    passes = 1.5 if work.plan.gradient_checkpointing else 1.0
    scale = at.throughput.reference_gb_per_second * GIGA / at.bandwidth
    each = figure.interval.likely * MILLI
    billions = (work.model.parameters - shape_of(work.model).head) / GIGA
    return each * max(billions, 0.0) * passes * scale


def _generation(work: Work, at: Setting) -> float:
    """Objectives that generate read all weights for every new token of a micro-batch."""
    generates = any("generation" in term.phases for term in work.objective.extra_terms)
    if not generates or not work.plan.generated_tokens:
        return 0.0
    return decode_seconds(work, at) * work.plan.generated_tokens


def decode_seconds(work: Work, at: Setting) -> float:
    """Seconds of one new token for a batch: active weights over memory bandwidth."""
    active = (work.model.active_parameters or work.model.parameters) / work.model.parameters
    read = work.footprint.base_weight_bytes * active + work.footprint.adapter_weight_bytes
    return read / (at.bandwidth * at.throughput.decode_share.interval.likely)
