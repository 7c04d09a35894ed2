"""Whether a plan fits a card: how much of the memory interval lies below the card's memory."""

from __future__ import annotations

import math
from typing import Literal

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory

_NORMAL_90 = 1.2815515655446004
"""90 % point of the standard normal distribution."""
SURE = 0.9


def probability_below(interval: Interval, limit: float) -> float:
    """Probability that the quantity stays below `limit`.

    On either side of the likely value the logarithm is taken as normal, with the interval's ends
    at its 10 % and 90 % points.
    """
    if limit <= 0:
        return 0.0
    if interval.likely <= 0:
        return 1.0
    edge = interval.high if limit >= interval.likely else interval.low
    spread = abs(math.log(edge / interval.likely)) if edge > 0 else 0.0
    distance = math.log(limit / interval.likely)
    if spread == 0:
        return 1.0 if distance >= 0 else 0.0
    return 0.5 * (1 + math.erf(_NORMAL_90 * distance / spread / math.sqrt(2)))


def process_interval(memory: Memory) -> Interval:
    """The tier that must fit: the whole process, or the highest tier that is known."""
    return memory.process_gib or memory.reserved_gib or memory.allocated_gib


def fits(memory: Memory, gpu: Gpu) -> tuple[bool | Literal["uncertain"], float, float]:
    """Verdict, probability and headroom in GiB of a plan on a card."""
    process = process_interval(memory)
    probability = probability_below(process, gpu.memory_gib)
    verdict: bool | Literal["uncertain"] = "uncertain"
    if probability >= SURE:
        verdict = True
    elif probability <= 1 - SURE:
        verdict = False
    return verdict, probability, gpu.memory_gib - process.likely
