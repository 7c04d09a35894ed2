"""Several rankings of passages to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from advisor.schema.evaluation import Hit

RANK_CONSTANT = 60
"""How little the first ranks stand out (Cormack, Clarke and Buettcher 2009)."""

Ranking = Sequence[Hit]
Fusion = Callable[[Sequence[Ranking], Sequence[float]], list[Hit]]
"""From rankings and their weights to one ranking, best first."""


def by_rank(rankings: Sequence[Ranking], weights: Sequence[float]) -> list[Hit]:
    """Reciprocal-rank fusion: the sum of weight / (60 + rank); equal scores share a rank."""
    return _summed(rankings, weights, _reciprocal_ranks)


def by_score(rankings: Sequence[Ranking], weights: Sequence[float]) -> list[Hit]:
    """The weighted sum of scores, each ranking stretched to run from 0 to 1.

    0 stands for what a ranking does not hold, as for its last hit.
    """
    return _summed(rankings, weights, _stretched)


def _summed(
    rankings: Sequence[Ranking],
    weights: Sequence[float],
    valued: Callable[[Ranking], list[float]],
) -> list[Hit]:
    """Ties in the order in which the rankings, the first of them first, name the passages."""
    sums: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for hit, value in zip(ranking, valued(ranking), strict=True):
            sums[hit.passage.id] = sums.get(hit.passage.id, 0.0) + weight * value
            hits.setdefault(hit.passage.id, hit)
    best = sorted(sums, key=lambda name: -sums[name])
    return [Hit(passage=hits[name].passage, score=sums[name]) for name in best]


def _reciprocal_ranks(ranking: Ranking) -> list[float]:
    values: list[float] = []
    for at, hit in enumerate(ranking):
        is_tie = at > 0 and hit.score == ranking[at - 1].score
        values.append(values[-1] if is_tie else 1 / (RANK_CONSTANT + at + 1))
    return values


def _stretched(ranking: Ranking) -> list[float]:
    if not ranking:
        return []
    low, high = ranking[-1].score, ranking[0].score
    return [(hit.score - low) / (high - low) if high > low else 1.0 for hit in ranking]
