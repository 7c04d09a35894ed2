"""Bootstrap of a value that is computed from summed totals: of samples, or of groups of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

from advisor.errors import MissingExtraError

RESAMPLES = 1999
CELLS = 4_000_000
"""Numbers held at once: a bound on memory, whatever the number of samples."""
MOST_BLOCKS = 400
"""Parts that the jackknife leaves out in turn: more would not change the acceleration."""

Values = Callable[[Any], Any]
"""From an array of totals, one row each, to one value per row."""


class Totals(NamedTuple):
    """What every sample adds to the counts of a metric: one row a sample, one column a count."""

    names: tuple[str, ...]
    rows: Any


def scipy_stats() -> Any:
    """SciPy's statistics. Raises MissingExtraError when SciPy is not installed."""
    try:
        from scipy import stats  # noqa: PLC0415 - heavy, wanted only when something was measured
    except ImportError as error:
        raise MissingExtraError("Evaluation", "eval") from error
    return stats


def totals_of(counts: Sequence[Mapping[str, float]], names: Sequence[str] = ()) -> Totals:
    """The counts as a table; a name that a sample lacks is 0 there."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    known = tuple(names) or tuple(dict.fromkeys(name for each in counts for name in each))
    rows = [[each.get(name, 0.0) for name in known] for each in counts]
    return Totals(known, np.asarray(rows, dtype=float).reshape(len(counts), len(known)))


def grouped(rows: Any, labels: Sequence[str] | None) -> Any:
    """Rows summed within groups; a sample without a label is a group of its own."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    if labels is None:
        return rows
    places: dict[str | int, int] = {}
    at = [places.setdefault(label or number, len(places)) for number, label in enumerate(labels)]
    sums = np.zeros((len(places), rows.shape[1]))
    np.add.at(sums, at, rows)
    return sums


def means(rows: Any) -> Any:
    """Mean score where the columns are the sum of scores and the number of samples."""
    return rows[:, 0] / rows[:, 1]


def by_totals(value_of: Callable[[Mapping[str, float]], float], names: Sequence[str]) -> Values:
    """A metric's function of summed totals, for many rows."""

    def values(rows: Any) -> Any:
        import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

        return np.array(
            [value_of(dict(zip(names, row, strict=True))) for row in rows.tolist()], dtype=float
        )

    return values


def bootstrap_of_sums(
    rows: Any, values: Values, *, seed: int, level: float
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated bootstrap interval (Efron 1987) over whole rows, seeded.

    Rows are samples or groups, drawn with replacement; the value is that of their sum. With few
    rows the level is raised as far as Student's interval is wider than the normal one (Hesterberg,
    American Statistician 69, 2015). None where no resample differs from another.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    rng = np.random.default_rng(seed)
    count = len(rows)
    sums = np.concatenate(
        [_drawn(rng, size, count) @ rows for size in chunks(RESAMPLES, width=count)]
    )
    drawn = np.sort(values(sums))
    if drawn[0] == drawn[-1]:
        return None
    upper = _upper(level, count)
    observed = float(values(rows.sum(axis=0, keepdims=True))[0])
    below = ((drawn < observed).sum() + 0.5 * (drawn == observed).sum()) / RESAMPLES
    return tuple(
        float(np.quantile(drawn, _level(end, below, _acceleration(rows, values))))
        for end in (1 - upper, upper)
    )  # type: ignore[return-value]


def chunks(total: int, *, width: int) -> list[int]:
    """The total in parts that hold no more than `CELLS` numbers each."""
    size = max(1, min(total, CELLS // max(width, 1)))
    return [min(size, total - start) for start in range(0, total, size)]


def _drawn(rng: Any, size: int, count: int) -> Any:
    """How often each row is drawn, in `size` resamples."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    picks = rng.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
    return np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)


def _upper(level: float, count: int) -> float:
    """Upper quantile of the resamples that is to be read for a level, with so many rows."""
    student = float(scipy_stats().t.ppf((1 + level) / 2, count - 1))
    return NormalDist().cdf(student * sqrt(count / (count - 1)))


def _level(end: float, below: float, acceleration: float) -> float:
    """Which quantile of the resamples stands for an end of the interval."""
    normal = NormalDist()
    bias = normal.inv_cdf(min(max(below, 1 / RESAMPLES), 1 - 1 / RESAMPLES))
    shifted = bias + normal.inv_cdf(end)
    return normal.cdf(bias + shifted / (1 - acceleration * shifted))


def _acceleration(rows: Any, values: Values) -> float:
    """Skewness of the value over leaving out each row, or each block of rows, in turn."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    blocks = np.array_split(rows, min(len(rows), MOST_BLOCKS))
    left = values(rows.sum(axis=0) - np.array([block.sum(axis=0) for block in blocks]))
    apart = left.mean() - left
    spread = (apart**2).sum()
    return float((apart**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0
