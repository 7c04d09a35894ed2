"""Whether told chances and gains come true."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from benchmarks.decisions.judge import Chance, Verdict
from benchmarks.decisions.votes import average, mean, rounded

BINS = 10
SHARES_ANSWERED = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
Vote = tuple[float, Chance]
Key = TypeVar("Key", bound=Hashable)


def reliability(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Told chances against what came true, in ten bins with their mean distance (ECE), by family.

    A source has one vote, shared by its families as its cases are weighted.
    """
    votes = list(_votes(verdicts))
    total = sum(share for share, _ in votes)
    bins = _grouped(votes, lambda chance: min(int(chance.told * BINS), BINS - 1) / BINS)
    families = _grouped(votes, lambda chance: chance.family)
    off = (
        sum(share for share, _ in found) / total * abs(told["told"] - told["came_true"])
        for found, told in bins.values()
    )
    return {
        "ece": rounded(sum(off)) if votes else None,
        "bins": [{"from": start, **bins[start][1]} for start in sorted(bins)],
        "by_family": {family: told for family, (_, told) in families.items()},
    }


def selective(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Acceptable rate when only the cases with the greatest told chance are answered."""
    sure = sorted(
        (v for v in verdicts if v.confidence is not None), key=lambda v: -(v.confidence or 0.0)
    )
    return {
        f"{share:.0%}": rounded(mean(sure[: round(share * len(sure))], "acceptable"))
        for share in SHARES_ANSWERED
        if sure
    }


def gain_forecast(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """How far likely gains lie from measured ones, in points, and how often 10-90 % held them."""
    errors: dict[str, list[float]] = {}
    covered: dict[str, list[float]] = {}
    for verdict in verdicts:
        for forecast in verdict.forecasts:
            errors.setdefault(verdict.source, []).append(forecast.error)
            covered.setdefault(verdict.source, []).append(float(forecast.is_covered))
    return {
        "n": sum(len(found) for found in errors.values()),
        "sources": len(errors),
        "mae": rounded(average(average(found) or 0.0 for found in errors.values())),
        "coverage_80": rounded(average(average(found) or 0.0 for found in covered.values())),
    }


def _votes(verdicts: Sequence[Verdict]) -> Iterable[Vote]:
    """Every told chance with its share of its source's vote."""
    weights: dict[str, float] = {}
    for verdict in verdicts:
        if verdict.chances:
            weights[verdict.source] = weights.get(verdict.source, 0.0) + verdict.weight
    for verdict in verdicts:
        for chance in verdict.chances:
            yield verdict.weight / weights[verdict.source] / len(verdict.chances), chance


def _grouped(
    votes: Iterable[Vote], key: Callable[[Chance], Key]
) -> dict[Key, tuple[list[Vote], dict[str, Any]]]:
    """The votes by key, each group with its mean chance and truth."""
    groups: dict[Key, list[Vote]] = {}
    for share, chance in votes:
        groups.setdefault(key(chance), []).append((share, chance))
    return {name: (found, _told(found)) for name, found in groups.items()}


def _told(votes: Sequence[Vote]) -> dict[str, Any]:
    weight = sum(share for share, _ in votes)
    return {
        "n": len(votes),
        "told": rounded(sum(share * chance.told for share, chance in votes) / weight),
        "came_true": rounded(sum(s for s, chance in votes if chance.came_true) / weight),
    }
