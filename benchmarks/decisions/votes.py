"""One vote per source: how figures of cases become a figure of a policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.decisions.judge import Verdict

DIGITS = 4


def by_source(verdicts: Sequence[Verdict], key: str) -> dict[str, float]:
    """The weighted mean of a figure inside every source that has it."""
    sums: dict[str, list[float]] = {}
    for verdict in verdicts:
        if key in verdict.figures:
            total = sums.setdefault(verdict.source, [0.0, 0.0])
            total[0] += verdict.figures[key] * verdict.weight
            total[1] += verdict.weight
    return {source: value / weight for source, (value, weight) in sums.items()}


def mean(verdicts: Sequence[Verdict], key: str) -> float | None:
    """The figure over all sources, each with one vote; None where nobody has it."""
    return average(by_source(verdicts, key).values())


def rounded(value: float | None) -> float | None:
    """The figure as documents keep it."""
    return None if value is None else round(value, DIGITS)


def average(values: Iterable[float]) -> float | None:
    """The plain mean; None of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else None
