"""What a property of a manual is, and makers of its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from examples.pretrain_tiny.values import Draw

ValueMaker = Callable[[Draw], str]


@dataclass(frozen=True)
class Property:
    """A property: how its value is drawn, stated and asked for ({v} value, {e} product)."""

    name: str
    value: ValueMaker
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


def measure(low: int, high: int, unit: str) -> ValueMaker:
    """A whole number with a unit."""
    return lambda draw: f"{draw.between(low, high)} {unit}"


def span(low: int, middle: int, above: int, high: int, unit: str) -> ValueMaker:
    """A range with a unit."""
    return lambda draw: f"{draw.between(low, middle)} to {draw.between(above, high)} {unit}"


def coded_name(draw: Draw) -> str:
    """A name with a two-digit number."""
    return f"{draw.name()} {draw.between(11, 99)}"
