"""Whether told chances and gains come true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.decisions.judge import Verdict
from benchmarks.decisions.votes import DIGITS, average, mean, rounded

BINS = 10
SHARES_ANSWERED = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def reliability(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Told chances against what came true in ten bins, and their mean distance (ECE).

    A source has one vote, shared by its families as its cases are weighted.
    """
    pairs = list(_weighted_chances(verdicts))
    total = sum(weight for weight, _, _ in pairs)
    bins: list[list[tuple[float, float, bool]]] = [[] for _ in range(BINS)]
    for pair in pairs:
        bins[min(int(pair[1] * BINS), BINS - 1)].append(pair)
    told = [_bin(number, pairs) for number, pairs in enumerate(bins) if pairs]
    shares = [sum(weight for weight, _, _ in b) / total for b in bins if b]
    off = (s * abs(b["told"] - b["came_true"]) for s, b in zip(shares, told, strict=True))
    return {"ece": rounded(sum(off)) if pairs else None, "bins": told}


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


def _weighted_chances(verdicts: Sequence[Verdict]) -> Iterable[tuple[float, float, bool]]:
    """Weight, told chance and truth of every measured family."""
    weights: dict[str, float] = {}
    for verdict in verdicts:
        if verdict.chances:
            weights[verdict.source] = weights.get(verdict.source, 0.0) + verdict.weight
    for verdict in verdicts:
        for told, is_true in verdict.chances:
            share = verdict.weight / weights[verdict.source] / len(verdict.chances)
            yield share, told, is_true


def _bin(number: int, pairs: Sequence[tuple[float, float, bool]]) -> dict[str, Any]:
    weight = sum(share for share, _, _ in pairs)
    return {
        "from": number / BINS,
        "n": len(pairs),
        "told": round(sum(s * told for s, told, _ in pairs) / weight, DIGITS),
        "came_true": round(sum(s for s, _, is_true in pairs if is_true) / weight, DIGITS),
    }
