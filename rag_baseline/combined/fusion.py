"""Several rankings of passages to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.schema.evaluation import Hit

RANK_CONSTANT = 60
"""How little the first ranks stand out (Cormack, Clarke and Buettcher 2009)."""


@dataclass(frozen=True)
class Part:
    """What one way of searching found."""

    hits: Sequence[Hit]
    """Best first."""
    weight: float
    floor: float | None = None
    """The score that stands for nothing in common; None takes that of the last hit."""


Fusion = Callable[[Sequence[Part], int | None], list[Hit]]
"""From parts to one ranking, best first; ties as the parts, the first of them first, have them.

Where a number is given, hits beyond so many are left out, but for those with the score of the last.
"""


def by_rank(parts: Sequence[Part], most: int | None = None) -> list[Hit]:
    """Reciprocal-rank fusion: the sum of weight / (60 + rank); equal scores share a rank."""
    return _summed(parts, _reciprocal_ranks, most)


def by_score(parts: Sequence[Part], most: int | None = None) -> list[Hit]:
    """The weighted sum of scores, those of each part stretched from its floor (0) to its best (1).

    What a part has not found counts as its floor.
    """
    return _summed(parts, _stretched, most)


def _summed(
    parts: Sequence[Part], valued: Callable[[Part], list[float]], most: int | None
) -> list[Hit]:
    sums: dict[str, float] = {}
    first: dict[str, Hit] = {}
    for part in parts:
        for hit, value in zip(part.hits, valued(part), strict=True):
            sums[hit.passage.id] = sums.get(hit.passage.id, 0.0) + part.weight * value
            first.setdefault(hit.passage.id, hit)
    best = sorted(sums, key=lambda name: -sums[name])
    if most is not None and most < len(best):
        last = sums[best[max(most - 1, 0)]]
        best = [name for name in best if sums[name] >= last]
    return [Hit(passage=first[name].passage, score=sums[name]) for name in best]


def _reciprocal_ranks(part: Part) -> list[float]:
    values: list[float] = []
    for at, hit in enumerate(part.hits):
        is_tie = at > 0 and hit.score == part.hits[at - 1].score
        values.append(values[-1] if is_tie else 1 / (RANK_CONSTANT + at + 1))
    return values


def _stretched(part: Part) -> list[float]:
    if not part.hits:
        return []
    high, last = part.hits[0].score, part.hits[-1].score
    low = last if part.floor is None else min(part.floor, last)
    return [(hit.score - low) / (high - low) if high > low else 1.0 for hit in part.hits]
