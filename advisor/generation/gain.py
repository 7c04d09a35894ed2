"""What written samples bring, measured on collected ones: nothing is kept on faith."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Protocol

from advisor.evaluation.bench import LEVEL
from advisor.evaluation.differences import mean_difference_interval, paired_share_interval
from advisor.evaluation.intervals import mean_interval
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Sample
from advisor.schema.generation import Gain, GainPoint

STEP = 100
FEWEST = 10
"""Dev samples below which no gain can be told."""
MOST = 200
"""Dev samples that are measured on."""


class Meter(Protocol):
    """A system that learns from samples."""

    @property
    def name(self) -> str:
        """As the report names it."""

    @property
    def metric_id(self) -> str:
        """What its scores are."""

    @property
    def is_binary(self) -> bool:
        """Whether every score is 0 or 1."""

    def scores(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[float]:
        """A score for each dev sample after training on the others."""


def dev_of(samples: Sequence[Sample]) -> list[Sample]:
    """The collected dev samples that are measured on, in an order of their own."""
    held = [sample for sample in samples if sample.split == "dev" and not sample.synthetic_by]
    return sorted(held, key=lambda sample: sample.id)[:MOST]


def steps(added: int) -> list[int]:
    """0, 100, 200 ... and all that were added."""
    return sorted({*range(0, added, STEP), added})


def measured(
    meter: Meter,
    train: Sequence[Sample],
    written: Sequence[Sample],
    dev: Sequence[Sample],
    *,
    seed: int,
) -> Gain:
    """What the written samples add to the collected train ones, by the dev ones.

    Raises what the meter raises.
    """
    values = {n: meter.scores([*train, *written[:n]], dev) for n in steps(len(written))}
    is_binary = meter.is_binary
    points = tuple(
        GainPoint(added=added, value=value, interval=interval)
        for added, found in values.items()
        for value, interval in [mean_interval(found, is_binary=is_binary, seed=seed, level=LEVEL)]
    )
    before, after = values[0], values[len(written)]
    interval = _paired(before, after, is_binary=is_binary, seed=seed)
    hundreds = len(written) / STEP
    scaled = ConfidenceInterval(
        low=interval.low / hundreds, high=interval.high / hundreds, level=interval.level
    )
    per_hundred = (fmean(after) - fmean(before)) / hundreds
    return Gain(
        system=meter.name,
        metric=meter.metric_id,
        samples=len(dev),
        points=points,
        per_hundred=per_hundred,
        per_hundred_interval=scaled,
        sentence=_sentence(points, interval, dev=len(dev), per_hundred=per_hundred),
    )


def _paired(
    before: Sequence[float], after: Sequence[float], *, is_binary: bool, seed: int
) -> ConfidenceInterval:
    if is_binary:
        return paired_share_interval(before, after, level=LEVEL)
    differences = [b - a for a, b in zip(before, after, strict=True)]
    return mean_difference_interval(differences, seed=seed, level=LEVEL)


def _sentence(
    points: Sequence[GainPoint], interval: ConfidenceInterval, *, dev: int, per_hundred: float
) -> str:
    first, last = points[0], points[-1]
    change = 100 * (last.value - first.value)
    told = (
        f"With {last.added} synthetic samples the score on {dev} dev samples went from"
        f" {first.value:.3f} to {last.value:.3f}: {change:+.1f} points ({interval.level:.0%}"
        f" interval {100 * interval.low:+.1f} to {100 * interval.high:+.1f}),"
        f" {100 * per_hundred:+.1f} for each added hundred."
    )
    if interval.low > 0:
        return told
    if interval.high < 0:
        return f"{told} They harm."
    return f"{told} That may be chance."
