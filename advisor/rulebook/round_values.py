"""Rounder numbers near a threshold, so that advice names 100 rather than 101."""

from __future__ import annotations

import math

from advisor.rulebook.values import SHARE
from advisor.schema.facts import Fact
from advisor.schema.rule import Scalar

FURTHEST = 4.0
"""An offered answer stands for a number if it is at most so many times as large, or as small."""
STEPS_OF_SHARE = 20


def rounder(fact: Fact, here: Scalar, there: Scalar) -> list[float]:
    """Round numbers and offered answers from `there` on, away from `here`, the nearest first.

    Empty for what is no number, or round already.
    """
    if isinstance(here, bool | str) or isinstance(there, bool | str):
        return []
    offered = [preset.value for preset in fact.presets]
    up = there > here
    step = _step(there, fact)
    if there in offered or math.isclose(there / step, round(there / step), abs_tol=1e-9):
        return []
    turn = math.ceil if up else math.floor
    coarse = [turn(there / size) * size for size in (step, 2 * step)]
    near = [v for v in offered if (v > there if up else v < there) and _is_near(v, there)]
    usual = [*coarse, *near]
    found = [int(v) if fact.type == "int" else round(v, 6) for v in usual]
    allowed = dict.fromkeys(float(v) if fact.type == "float" else v for v in found)
    return sorted((v for v in allowed if _fits(v, fact)), key=lambda value: abs(value - there))


def _step(value: float, fact: Fact) -> float:
    """What round numbers of this size are multiples of: 1 below 10, 5 below 100, 50 below 1000."""
    if fact.unit == SHARE:
        return 1 / STEPS_OF_SHARE
    if abs(value) < 10:
        return 1.0
    return 0.5 * 10.0 ** math.floor(math.log10(abs(value)))


def _is_near(value: float, there: float) -> bool:
    low, high = sorted((abs(value) + 1, abs(there) + 1))
    return high / low <= FURTHEST


def _fits(value: float, fact: Fact) -> bool:
    if fact.unit == SHARE and not 0 <= value <= 1:
        return False
    return value > 0 and (fact.least is None or value >= fact.least)
