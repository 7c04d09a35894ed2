"""Inputs that stand in the file more than once."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.normal import by_input
from advisor.schema.evaluation import Sample

SHARE_WORTH_A_WARNING = 0.1


def repeated(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Every sample whose normalised input an earlier one already had."""
    return tuple(sample for group in by_input(samples).values() for sample in group[1:])


def duplicate_share(samples: tuple[Sample, ...]) -> float | None:
    """Share of samples that repeat an earlier input; None without samples."""
    return len(repeated(samples)) / len(samples) if samples else None
