"""How many of the true nearest an approximate search finds, and the effort that finds enough."""

from __future__ import annotations

from typing import Any

from rag_baseline.approximate import Approximate
from rag_baseline.ranking import Ranking
from rag_baseline.vector_libraries import numpy
from rag_baseline.vector_store import VectorStore

AT = 10
QUERIES = 256
JITTER = 0.75
"""Length of the noise added to a vector of length 1: the query then lies at a cosine near 0.8."""
SEED = 99


def probes(store: VectorStore, rows: Any, count: int = QUERIES) -> Any:
    """Queries like those to come: vectors of the index's own, moved at random."""
    np = numpy()
    draw = np.random.default_rng(SEED)
    chosen = store.take(draw.choice(rows, min(count, len(rows)), replace=False))
    noise = draw.standard_normal(chosen.shape).astype("float32")
    moved = chosen + JITTER * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def shares_found(ranking: Ranking, queries: Any, truth: list[set[int]], at: int = AT) -> float:
    """Mean share of the true nearest among the first `at` hits."""
    found = ranking.best(queries, at)
    shares = [
        len(true & {position for position, _ in hits}) / max(1, len(true))
        for true, hits in zip(truth, found, strict=True)
    ]
    return sum(shares) / len(shares)


def exact_nearest(ranking: Ranking, queries: Any, at: int = AT) -> list[set[int]]:
    """Positions of the true nearest of each query."""
    return [{position for position, _ in hits} for hits in ranking.best(queries, at, is_exact=True)]


def settle_effort(approximate: Approximate, ranking: Ranking, stated: float) -> float:
    """Set the least effort that reaches the stated recall; the recall that was measured.

    Where none reaches it, the greatest effort stays and its recall is what is returned.
    """
    queries = probes(ranking.store, ranking.rows)
    truth = exact_nearest(ranking, queries)
    reached = 0.0
    for effort in approximate.efforts():
        approximate.effort = effort
        reached = shares_found(ranking, queries, truth)
        if reached >= stated:
            break
    return round(reached, 4)
