"""How fast a server reads prompts and writes answers: a roofline of compute and bandwidth.

Seconds of a call = prompt work / compute + answer tokens x (weights / calls at once + cache of the
call) / bandwidth + answer work / compute. Work per token is 2 x active parameters, and 4 x width of
attention x layers x tokens looked back upon. The beginning that all prompts share is read once and
kept, except by a slow server.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu, ModelCard
from advisor.schema.money import Money
from advisor.units import BYTES_PER_GB, bytes_from_gib, gib_from_bytes

TERA = 1e12
CACHE_BYTES = 2.0
"""Keys and values are kept in 16 bits."""
SCALE_BITS = {4: 0.25, 8: 0.0, 16: 0.0}
"""Scales of groups of 128 weights, in bits per weight."""
_LATENT = "kv_a_proj_with_mqa"
"""What multi-head latent attention caches instead of keys and values."""


@dataclass(frozen=True)
class Call:
    """Tokens of one call."""

    prompt: float
    answer: float
    shared: float = 0.0
    """Of the prompt, the beginning that is the same in every call."""


@dataclass(frozen=True)
class Shares:
    """Parts of the hardware's rates that a server reaches."""

    compute: float
    bandwidth: float
    parallel: float
    over_pcie: float
    keeps_prefix: bool = True
    """Whether the beginning that prompts share is read once for all."""


def shares(money: Money) -> tuple[Shares, Shares, Shares]:
    """Slow, likely and fast."""
    compute, bandwidth = money.compute_share.interval, money.bandwidth_share.interval
    linked, over_pcie = money.parallel_share.interval, money.pcie_share.interval
    return (
        Shares(compute.low, bandwidth.low, linked.low, over_pcie.low, keeps_prefix=False),
        Shares(compute.likely, bandwidth.likely, linked.likely, over_pcie.likely),
        Shares(compute.high, bandwidth.high, linked.high, over_pcie.high),
    )


def weight_bytes(model: ModelCard, bits: int) -> float:
    """Weights as served; embeddings and head stay in 16 bits."""
    whole = (model.embedding_parameters or 0) + (model.head_parameters or 0)
    rest = max(0, model.parameters - whole)
    return 2.0 * (model.parameters - rest) + rest * (bits + SCALE_BITS[bits]) / 8


def cache_bytes(model: ModelCard, tokens: float) -> float:
    """Keys and values of one sequence: layers x 2 x key/value width x 2 bytes x tokens.

    A layer with a window keeps no more than the window; latent attention keeps its latent only.
    """
    width = 2.0 * model.key_value_heads * model.head_dim
    if not model.groups:
        return model.layers * width * CACHE_BYTES * tokens
    total = 0.0
    for group in model.groups:
        latent = next((ln.outputs for ln in group.linears if ln.name == _LATENT), None)
        kept = tokens if group.window is None else min(tokens, group.window)
        total += group.count * (latent or width) * CACHE_BYTES * kept
    return total


@dataclass(frozen=True)
class Server:
    """One copy of a model on GPUs of one kind."""

    model: ModelCard
    gpu: Gpu
    gpus: int
    bits: int

    @cached_property
    def weights(self) -> float:
        """Bytes."""
        return weight_bytes(self.model, self.bits)

    @cached_property
    def active(self) -> float:
        """Parameters that work on one token."""
        return float(self.model.active_parameters or self.model.parameters)

    @property
    def is_known(self) -> bool:
        """Whether the catalog knows both rates of the GPU."""
        return self.peak is not None and self.gpu.bandwidth_gb_per_second is not None

    @property
    def peak(self) -> float | None:
        """Dense rate of one GPU in TFLOPs: in 16 bits, and in 8 where weights and GPU have them."""
        in_sixteen = self.gpu.bf16_tflops or self.gpu.fp16_tflops
        return (self.gpu.fp8_tflops or in_sixteen) if self.bits == 8 else in_sixteen

    def rates(self, reached: Shares) -> tuple[float, float]:
        """Floating point operations and bytes per second over all GPUs."""
        linked = self.gpu.link_gb_per_second is not None
        kept = reached.parallel if linked else reached.over_pcie
        scale = self.gpus * math.pow(kept, math.log2(self.gpus))
        flops = (self.peak or 0.0) * TERA * reached.compute * scale
        stream = (self.gpu.bandwidth_gb_per_second or 0.0) * BYTES_PER_GB
        return flops, stream * reached.bandwidth * scale

    def work(self, tokens: float, back: float) -> float:
        """Floating point operations of so many tokens, each looking `back` on average."""
        width = self.model.attention_heads * self.model.head_dim
        return tokens * (2.0 * self.active + 4.0 * self.model.layers * width * back)

    def reading(self, call: Call, reached: Shares) -> float:
        """Floating point operations before the first token."""
        kept = call.shared if reached.keeps_prefix else 0.0
        return self.work(call.prompt - kept, (call.prompt + kept) / 2)

    def read_weights(self, concurrent: float) -> float:
        """Bytes of weights that a step of so many calls reads: all experts once they are many."""
        active = self.active / self.model.parameters
        return self.weights * (1.0 - math.pow(1.0 - active, concurrent))

    def seconds(self, call: Call, concurrent: float, reached: Shares) -> float:
        """Server time of one call when so many are answered at once."""
        flops, stream = self.rates(reached)
        back = call.prompt + call.answer / 2
        reading = self.reading(call, reached) / flops
        writing = self.work(call.answer, back) / flops
        moved = self.read_weights(concurrent) / concurrent + cache_bytes(self.model, back)
        return reading + writing + call.answer * moved / stream

    def room(self, call: Call, money: Money) -> float:
        """Calls whose keys and values have room beside the weights; negative without any room."""
        room = self.gpus * (
            bytes_from_gib(self.gpu.memory_gib) * money.memory_share.interval.likely
            - bytes_from_gib(money.workspace_gib.interval.likely)
        )
        cache = cache_bytes(self.model, call.prompt + call.answer)
        return (room - self.weights) / cache if cache else math.inf

    def concurrent(self, call: Call, money: Money, reached: Shares) -> float:
        """Calls at once: as the cache has room, and first token and pace stay bearable."""
        flops, stream = self.rates(reached)
        reading = self.reading(call, reached) / flops
        by_first = money.first_token_seconds.interval.likely / reading if reading else math.inf
        pace = cache_bytes(self.model, call.prompt + call.answer / 2) / stream
        pace += self.work(1.0, call.prompt) / flops
        left = money.token_seconds.interval.likely - self.weights / stream
        limit = money.concurrent_limit.interval.likely
        by_pace = left / pace if pace else math.inf
        return max(1.0, min(self.room(call, money), by_first, by_pace, limit))

    def keeps_pace(self, call: Call, money: Money, reached: Shares) -> bool:
        """Whether a single caller sees the first token, and then each further one, soon enough."""
        flops, stream = self.rates(reached)
        first = self.work(call.prompt, call.prompt / 2) / flops
        each = (self.weights + cache_bytes(self.model, call.prompt)) / stream
        return (
            first <= money.first_token_seconds.interval.likely
            and each <= money.token_seconds.interval.likely
        )

    def _held_gib(self, call: Call, calls: float, buffer_gib: float) -> float:
        cache = cache_bytes(self.model, call.prompt + call.answer)
        return gib_from_bytes(self.weights + cache * calls) + self.gpus * buffer_gib

    def memory_gib(self, call: Call, calls: float, money: Money) -> Interval:
        """Weights, buffers, and the cache of one call, of so many at once, and of twice that."""
        buffers = money.workspace_gib.interval
        return Interval(
            low=self._held_gib(call, 1.0, buffers.low),
            likely=self._held_gib(call, calls, buffers.likely),
            high=self._held_gib(call, 2 * calls, buffers.high),
        )

    def fits(self, call: Call, calls: float, money: Money) -> bool:
        """Whether weights and the cache of so many calls at once have room."""
        room = self.gpus * self.gpu.memory_gib * money.memory_share.interval.likely
        return self._held_gib(call, calls, money.workspace_gib.interval.likely) <= room

    def calls_per_second(self, call: Call, money: Money) -> Interval:
        """Of a server that is never idle."""
        slow, likely, fast = shares(money)
        at_once = self.concurrent(call, money, likely)
        return Interval(
            low=1 / self.seconds(call, at_once, slow),
            likely=1 / self.seconds(call, at_once, likely),
            high=1 / self.seconds(call, at_once, fast),
        )
