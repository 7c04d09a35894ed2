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
    """Percentile bootstrap interval over whole rows, seeded; rows are samples or groups.

    The value is that of the sum of rows drawn with replacement. With few rows the level is raised
    as far as Student's interval is wider than the normal one (Hesterberg, American Statistician
    69, 2015). Without bias correction: leaving out rare classes makes resamples of a macro average
    lower than the truth, and correcting for that overshoots. None where no resample differs.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    rng = np.random.default_rng(seed)
    count = len(rows)
    sums = np.concatenate(
        [_drawn(rng, size, count) @ rows for size in chunks(RESAMPLES, width=count)]
    )
    drawn = values(sums)
    if drawn.min() == drawn.max():
        return None
    student = float(scipy_stats().t.ppf((1 + level) / 2, count - 1))
    upper = NormalDist().cdf(student * sqrt(count / (count - 1)))
    return float(np.quantile(drawn, 1 - upper)), float(np.quantile(drawn, upper))


def chunks(total: int, *, width: int) -> list[int]:
    """The total in parts that hold no more than `CELLS` numbers each."""
    size = max(1, min(total, CELLS // max(width, 1)))
    return [min(size, total - start) for start in range(0, total, size)]


def _drawn(rng: Any, size: int, count: int) -> Any:
    """How often each row is drawn, in `size` resamples."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    picks = rng.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
    return np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)
