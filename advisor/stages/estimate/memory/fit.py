"""Whether a plan fits a card: what it cannot do without, against what programs may use."""

from __future__ import annotations

import math
from typing import Literal

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory
from advisor.schema.tiers import Tiers

_NORMAL_90 = 1.2815515655446004
"""90 % point of the standard normal distribution."""
SURE = 0.9


def probability_below(interval: Interval, limit: float) -> float:
    """Probability that the quantity stays below `limit`.

    On either side of the likely value the logarithm is taken as normal, with the interval's ends
    at its 10 % and 90 % points.
    """
    if interval.likely <= 0:
        return 1.0 if limit > 0 else 0.0
    if limit / interval.likely <= 0:  # also where the quotient is too small to be a number
        return 0.0
    edge = interval.high if limit >= interval.likely else interval.low
    spread = abs(math.log(edge / interval.likely)) if edge > 0 else 0.0
    distance = math.log(limit / interval.likely)
    if spread == 0:
        return 1.0 if distance >= 0 else 0.0
    return 0.5 * (1 + math.erf(_NORMAL_90 * distance / spread / math.sqrt(2)))


def usable_gib(gpu: Gpu, tiers: Tiers) -> float:
    """Memory of the card less what the driver keeps; main memory as it is."""
    if gpu.is_cpu or tiers.driver_share is None:
        return gpu.memory_gib
    return gpu.memory_gib * (1 - tiers.driver_share.interval.likely)


def process_interval(memory: Memory) -> Interval:
    """The whole process, or the highest tier that is known."""
    return memory.process_gib or memory.reserved_gib or memory.allocated_gib


def needed(memory: Memory, outside: Interval | None, tiers: Tiers) -> Interval:
    """What the run cannot do without: on a card, more than its tensors and less than the process.

    Blocks that the allocator merely keeps are not counted: it gives them back before a request
    fails.
    """
    if outside is None or memory.process_gib is None:
        return process_interval(memory)
    low, likely, high = _need(memory.allocated_gib, outside, tiers)
    return Interval(low=low, likely=likely, high=high)


def _need(tensors: Interval, outside: Interval, tiers: Tiers) -> tuple[float, float, float]:
    """Low, likely and high sum of tensors, holes between them, and what the allocator lacks."""
    holes = 1 + (tiers.fragmentation.interval.likely if tiers.fragmentation else 0.0)
    likely = tensors.likely * holes + outside.likely
    down = math.hypot((tensors.likely - tensors.low) * holes, outside.likely - outside.low)
    up = math.hypot((tensors.high - tensors.likely) * holes, outside.high - outside.likely)
    return max(likely - down, 0.0), likely, likely + up


def settled(memory: Memory, gpu: Gpu, outside: Interval, tiers: Tiers) -> Memory:
    """The memory with its tiers as `settled_tiers` would have them."""
    held, process = memory.reserved_gib, memory.process_gib
    if held is None or process is None:
        return memory
    held, process = settled_tiers(
        (memory.allocated_gib, held, process), usable_gib(gpu, tiers), outside, tiers
    )
    return memory.model_copy(update={"reserved_gib": held, "process_gib": process})


def settled_tiers(
    found: tuple[Interval, Interval, Interval], room: float, outside: Interval, tiers: Tiers
) -> tuple[Interval, Interval]:
    """Reserved and process, each at least the tier below, and no block kept beyond the card.

    What a run needs may exceed the `room`, and then the process would too; what the allocator
    merely keeps may not. So the process passes what programs may use exactly where the need does,
    and its interval and the probability that the run fits tell the same.
    """
    tensors, held, process = found
    inside, least = room - outside.likely, outside.low
    low, likely, high = _need(tensors, outside, tiers)
    blocks = Interval(
        low=_within(held.low, tensors.low, inside),
        likely=_within(held.likely, tensors.likely, inside),
        high=_within(held.high, tensors.high, inside),
    )
    return blocks, Interval(
        low=_within(max(process.low, blocks.low + least), low, room),
        likely=_within(max(process.likely, blocks.likely + least), likely, room),
        high=_within(max(process.high, blocks.high + least), high, room),
    )


def _within(value: float, least: float, room: float) -> float:
    """At least the least, and beyond the room only where the least is."""
    return min(max(value, least), max(room, least))


def fits(
    memory: Memory, gpu: Gpu, *, outside: Interval | None = None, tiers: Tiers | None = None
) -> tuple[bool | Literal["uncertain"], float, float]:
    """Verdict, probability and headroom in GiB of a plan on a card.

    `outside` is what lies outside the allocator; without it the whole process counts. Headroom is
    what the likely process leaves of the card, blocks that the allocator merely keeps included.
    """
    known = tiers or Tiers()
    need, room = needed(memory, outside, known), usable_gib(gpu, known)
    probability = probability_below(need, room)
    verdict: bool | Literal["uncertain"] = "uncertain"
    if probability >= SURE:
        verdict = True
    elif probability <= 1 - SURE:
        verdict = False
    return verdict, probability, gpu.memory_gib - process_interval(memory).likely
