"""Line numbers and counts of samples, as problems name them."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.schema.evaluation import Sample


def lines_of(samples: Iterable[Sample]) -> tuple[int, ...]:
    """Sorted line numbers of the samples that have one."""
    return tuple(sorted(sample.line for sample in samples if sample.line is not None))


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 row, 2 rows."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
