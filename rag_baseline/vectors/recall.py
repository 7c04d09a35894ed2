"""How many of the true nearest an approximate search finds, and the effort that finds enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag_baseline.vectors.approximate import Approximate
from rag_baseline.vectors.ranking import Ranking
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.vectors.vector_store import VectorStore

AT = 10
QUERIES = 256
SEED = 99
LEVEL, LEAST_GAIN = 4, 0.002
"""Steps of effort that together bring less than this gain end the search for the right one."""


def probes(store: VectorStore, rows: Any, count: int = QUERIES) -> Any:
    """Queries like those to come: halfway between two passages drawn at random, or among three.

    A question lies as near to its passages as such a mean does. A passage's own vector with noise
    is too easy: noise is nearly orthogonal to all others, and 0.99 of such queries' neighbours are
    found with an effort that finds 0.78 of real questions'.
    """
    np = numpy()
    draw = np.random.default_rng(SEED)
    drawn = [store.take(draw.choice(rows, count)) for _ in range(3)]
    drawn[2][: count // 2] = 0
    means = drawn[0] + drawn[1] + drawn[2]
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Recall:
    """Share of the true nearest that was found: mean over queries, and its standard error."""

    mean: float
    error: float


def recall_of(ranking: Ranking, queries: Any, truth: list[set[int]], at: int = AT) -> Recall:
    """What is found of the true nearest among the first `at` hits."""
    np = numpy()
    found = ranking.best(queries, at)
    shares = np.array(
        [
            len(true & {position for position, _ in hits}) / max(1, len(true))
            for true, hits in zip(truth, found, strict=True)
        ]
    )
    return Recall(float(shares.mean()), float(shares.std() / len(shares) ** 0.5))


def exact_nearest(ranking: Ranking, queries: Any, at: int = AT) -> list[set[int]]:
    """Positions of the true nearest of each query."""
    return [{position for position, _ in hits} for hits in ranking.best(queries, at, is_exact=True)]


def settle_effort(approximate: Approximate, ranking: Ranking, stated: float) -> float:
    """Set the least effort that surely reaches the stated recall; the recall that was measured.

    Surely: even one standard error below what was measured. Where more effort brings no more, the
    least that brings as much is set.
    """
    queries = probes(ranking.store, ranking.rows)
    truth = exact_nearest(ranking, queries)
    tried: list[tuple[int, Recall]] = []
    for effort in approximate.efforts():
        approximate.effort = effort
        reached = recall_of(ranking, queries, truth)
        tried.append((effort, reached))
        if reached.mean - reached.error >= stated:
            return round(reached.mean, 4)
        if len(tried) > LEVEL and reached.mean <= tried[-1 - LEVEL][1].mean + LEAST_GAIN:
            break
    enough = max(reached.mean for _, reached in tried) - LEAST_GAIN
    approximate.effort, settled = next(one for one in tried if one[1].mean >= enough)
    return round(settled.mean, 4)
