"""The best positions for a query: candidates, compared once more by whole vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag_baseline.vectors.approximate import Approximate
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.vectors.vector_store import BLOCK, DamagedVectorsError, VectorStore, are_unit

DECIMALS = 6
"""Similarities closer than this are ties: the same text embedded in two batches differs by less."""
SPARE = 16
FEW = 20_000
"""Passages of a filter that are compared one by one, whatever the kind of index."""
TOGETHER = 512
"""Queries that are compared in one call."""

Ranked = list[tuple[int, float]]


@dataclass(frozen=True)
class Ranking:
    """Vectors with the positions they stand for; a row without a position is never found."""

    store: VectorStore
    rows: Any
    """Row of every position."""
    positions: Any
    """Position of every row; -1 for a row that is no longer of use."""
    approximate: Approximate | None = None
    """None compares every vector."""
    is_checked: bool = False
    """Whether vectors of hits must have length 1; DamagedVectorsError for others."""

    @classmethod
    def over(cls, store: VectorStore, rows: Any, approximate: Approximate | None = None) -> Ranking:
        """A ranking in which position i is row `rows[i]`."""
        np = numpy()
        positions = np.full(len(store), -1, dtype="int64")
        positions[rows] = np.arange(len(rows))
        return cls(store, rows, positions, approximate)

    def best(self, queries: Any, k: int, *, is_exact: bool = False) -> list[Ranked]:
        """The k nearest positions of each query, best first, ties in the order of positions."""
        np = numpy()
        k = min(k, len(self.rows))
        if k < 1:
            return [[] for _ in queries]
        found: list[Ranked] = []
        for start in range(0, len(queries), TOGETHER):
            some = np.ascontiguousarray(queries[start : start + TOGETHER], dtype="float32")
            found += self._best_of_some(some, k, is_exact=is_exact)
        return found

    def _best_of_some(self, queries: Any, k: int, *, is_exact: bool) -> list[Ranked]:
        whole = self._candidates(queries, min(len(self.store), k + SPARE), is_exact=is_exact)
        return [
            self._settled(queries[at : at + 1], whole[at], k, is_exact=is_exact)
            for at in range(len(queries))
        ]

    def _settled(self, query: Any, candidates: Any, k: int, *, is_exact: bool) -> Ranked:
        """Asks for more while what was left out could tie with the last hit."""
        count = k + SPARE
        while True:
            ranked, rows_given = self._ranked(query[0], candidates)
            is_all = count >= len(self.store)
            is_settled = len(ranked) > k and ranked[-1][1] < ranked[k - 1][1]
            if is_settled or (is_all and len(ranked) >= k):
                return ranked[:k]
            if rows_given < min(count, len(self.store)):
                # The cells looked at hold no more: enough, or every vector must be compared.
                if len(ranked) >= k:
                    return ranked[:k]
                is_exact = True
            count *= 2
            candidates = self._candidates(query, min(count, len(self.store)), is_exact=is_exact)[0]

    def _candidates(self, queries: Any, count: int, *, is_exact: bool) -> Any:
        if self.approximate is None or is_exact:
            return self.store.nearest(queries, count)
        return self.approximate.candidates(queries, count)

    def _ranked(self, query: Any, candidates: Any) -> tuple[Ranked, int]:
        """Positions among the candidates with their scores, and how many rows were given."""
        given = candidates[candidates >= 0]
        positions = self.positions[given]
        return self._scored(query, positions[positions >= 0]), len(given)

    def _scored(self, query: Any, positions: Any) -> Ranked:
        """Inner products summed row by row, so that equal vectors have equal scores."""
        np = numpy()
        vectors = self.store.take(self.rows[positions])
        if self.is_checked and not are_unit(vectors):
            raise DamagedVectorsError
        products = (vectors * query).sum(axis=1)
        scores = np.round(products.astype("float64"), DECIMALS)
        order = np.lexsort((positions, -scores))
        return [(int(positions[at]), float(scores[at])) for at in order]

    def best_among(self, query: Any, k: int, positions: Any) -> Ranked:
        """The k nearest of some positions: all compared where they are few or the index is exact.

        Of many, the approximate index is asked for the nearest among them.
        """
        if k < 1 or not len(positions):
            return []
        query = numpy().ascontiguousarray(query, dtype="float32")
        if self.approximate is not None and len(positions) > FEW:
            rows = self.approximate.candidates(query[None], k + SPARE, self.rows[positions])[0]
            ranked, _ = self._ranked(query, rows)
            if len(ranked) >= min(k, len(positions)):
                return ranked[:k]
        return self._compared(query, k, positions)

    def _compared(self, query: Any, k: int, positions: Any) -> Ranked:
        best: Ranked = []
        for start in range(0, len(positions), BLOCK):
            best += self._scored(query, positions[start : start + BLOCK])[:k]
        return sorted(best, key=lambda pair: (-pair[1], pair[0]))[:k]
