"""How scores grow with labels: a power law through them, and the labels a target would take."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from advisor.evaluation.intervals import clustered_interval, proportion_interval, shared_groups
from advisor.evaluation.resampling import grouped
from advisor.schema.base import Interval
from advisor.schema.learning_curve import Curve, CurvePoint

FEWEST_LEVELS = 4
"""Numbers of labels that a curve with three unknowns needs to be more than drawn through."""
RESAMPLES = 500
FARTHEST = 30
"""How many times the labels there are a curve is followed; beyond that it is a guess."""
EXPONENTS = tuple(0.2 + 0.05 * step for step in range(27))
"""Learning curves of text classifiers fall off with exponents of about 0.2 to 1.5."""
QUANTILES = (0.1, 0.5, 0.9)


class Level(NamedTuple):
    """A system's scores with so many labels."""

    labels: int
    scores: tuple[tuple[float, ...], ...]
    """Of every choice of labels, the score of each test sample in one order."""


class Fits(NamedTuple):
    """Power laws ceiling - drop x labels^-exponent, one per row."""

    ceiling: Any
    drop: Any
    exponent: Any


def curve(
    system: str,
    levels: Sequence[Level],
    *,
    target: float | None,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> Curve:
    """Points with intervals, and what the power law through them promises with what doubt.

    Doubt comes from drawing test samples (groups of them where some share a document) and choices
    of labels again: every resample has its own curve, and the quantiles are over curves.
    """
    groups = shared_groups(groups)
    points = tuple(_point(level, groups, seed=seed) for level in levels)
    if len(levels) < FEWEST_LEVELS:
        return Curve(system=system, points=points)
    labels = [level.labels for level in levels]
    fits = fitted(labels, _drawn(levels, groups, seed=seed))
    needed = None if target is None else _needed(fits, target, farthest=FARTHEST * max(labels))
    return Curve(
        system=system, points=points, labels_for_target=needed, ceiling=_quantiles(fits.ceiling)
    )


def fitted(labels: Sequence[int], values: Any) -> Fits:
    """The power law of least squares through each row of values, one column a number of labels.

    A curve never falls and never rises above 1.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    values = np.atleast_2d(np.asarray(values, dtype=float))
    best = Fits(values.mean(axis=1), np.zeros(len(values)), np.ones(len(values)))
    least = ((values - best.ceiling[:, None]) ** 2).sum(axis=1)
    for exponent in EXPONENTS:
        basis = np.asarray(labels, dtype=float) ** -exponent
        apart = basis - basis.mean()
        drop = np.maximum(0.0, -(values @ apart) / (apart @ apart))
        ceiling = values.mean(axis=1) + drop * basis.mean()
        over = ceiling > 1
        drop = np.where(over, np.maximum(0.0, (1 - values) @ basis / (basis @ basis)), drop)
        ceiling = np.minimum(ceiling, 1.0)
        error = ((values - ceiling[:, None] + drop[:, None] * basis) ** 2).sum(axis=1)
        better = error < least - 1e-15
        least = np.where(better, error, least)
        best = Fits(
            np.where(better, ceiling, best.ceiling),
            np.where(better, drop, best.drop),
            np.where(better, exponent, best.exponent),
        )
    return best


def labels_for(fits: Fits, target: float) -> Any:
    """Labels at which each curve meets the target; infinite where it never does."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    room = fits.ceiling - target
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = (fits.drop / room) ** (1 / fits.exponent)
    return np.where(room > 0, found, np.inf)


def _needed(fits: Fits, target: float, *, farthest: float) -> Interval | None:
    """Quantiles over the curves; None where half of them never get there, or not in sight."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    low, likely, high = np.quantile(labels_for(fits, target), QUANTILES, method="inverted_cdf")
    if likely > farthest:
        return None
    return Interval(
        low=float(np.ceil(low)),
        likely=float(np.ceil(likely)),
        high=float(np.ceil(min(high, farthest))),
    )


def _quantiles(values: Any) -> Interval:
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    low, likely, high = (float(each) for each in np.quantile(values, QUANTILES))
    return Interval(low=low, likely=likely, high=high)


def _point(level: Level, groups: Sequence[str] | None, *, seed: int) -> CurvePoint:
    """Mean over choices of labels, with the interval that the test samples leave."""
    means = [fmean(each) for each in zip(*level.scores, strict=True)]
    value, is_binary = fmean(means), set(means) <= {0.0, 1.0}
    if is_binary and groups is None:
        interval = proportion_interval(round(sum(means)), len(means))
    else:
        labels = groups or [""] * len(means)
        interval = clustered_interval(means, labels, is_binary=is_binary, seed=seed)[1]
    return CurvePoint(labels=level.labels, value=value, interval=interval)


def _drawn(levels: Sequence[Level], groups: Sequence[str] | None, *, seed: int) -> Any:
    """Values at every level for resamples of test samples and of choices of labels."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    rng = np.random.default_rng(seed)
    columns = [np.asarray(level.scores, dtype=float).T for level in levels]
    counted = np.hstack([*columns, np.ones((len(columns[0]), 1))])
    rows = grouped(counted, groups)
    picks = rng.multinomial(len(rows), [1 / len(rows)] * len(rows), size=RESAMPLES)
    sums = picks @ rows
    means = sums[:, :-1] / sums[:, -1:]
    found, start = [], 0
    for column in columns:
        width = column.shape[1]
        chosen = rng.integers(width, size=(RESAMPLES, width)) + start
        found.append(np.take_along_axis(means, chosen, axis=1).mean(axis=1))
        start += width
    return np.stack(found, axis=1)
