"""FAISS indexes that compare a query with a part of the vectors only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError
from rag_baseline.vectors.index_kinds import Kind
from rag_baseline.vectors.vector_libraries import faiss, has_faiss, numpy
from rag_baseline.vectors.vector_store import VectorStore, linked_or_copied

SEED = 1234
NEIGHBOURS = 32
CONSTRUCTION = 80
"""HNSW: links per vector, and candidates looked at while a vector is linked."""
TRAINED_ON = 40
"""Vectors per cell that k-means sees."""
ROUNDS = 10
PER_BYTE = 8
"""Dimensions that product quantisation puts into one byte."""
PER_CODE = 64
"""Vectors per code that its k-means sees: four times as many found no more."""
RERANKED = 400
RERANKED_PER_CELL = 32
"""Candidates that quantised search hands to the comparison by whole vectors: so many at least, and
more with every cell that is looked at, for codes alone cannot tell near copies apart."""


class Approximate:
    """One FAISS index over the rows of a store, row by row in their order."""

    def __init__(self, index: Any, kind: Kind, effort: int = 0) -> None:
        self._index = index
        self.kind = kind
        self._path: Path | None = None
        self.effort = effort or self.efforts()[0]

    @classmethod
    def trained(cls, kind: Kind, store: VectorStore) -> Approximate:
        """An index over everything in the store; k-means runs on a random part of it.

        Raises MissingExtraError without FAISS.
        """
        if not has_faiss():
            raise MissingExtraError(f"The index kind {kind}", "rag")
        index = _empty(kind, len(store), store.dimensions)
        if kind != "hnsw":
            _train(index, store)
        made = cls(index, kind)
        made.add(store, 0)
        return made

    def add(self, store: VectorStore, first: int) -> None:
        """Take in the store's rows from `first` on."""
        for start, block in store.blocks():
            if start + len(block) > first:
                self._index.add(block[max(0, first - start) :])

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def parameter(self) -> str:
        """What FAISS calls the effort of a search."""
        return "efSearch" if self.kind == "hnsw" else "nprobe"

    @property
    def settings(self) -> dict[str, int]:
        """Everything that shapes index and search."""
        if self.kind == "hnsw":
            links = {"M": NEIGHBOURS, "efConstruction": CONSTRUCTION}
            return {**links, self.parameter: self.effort}
        cells = {"nlist": int(self._index.nlist), self.parameter: self.effort}
        if self.kind == "ivf":
            return cells
        return {**cells, "code_bytes": int(self._index.code_size), "reranked": self.reranked}

    def efforts(self) -> list[int]:
        """Efforts that are worth trying, from the least to the most."""
        if self.kind == "hnsw":
            return [16, 32, 64, 128, 256, 512, 1024]
        cells = int(self._index.nlist)
        steps = [2 ** (power / 2) for power in range(2 * math.ceil(math.log2(cells)) + 1)]
        return sorted({min(cells, round(step)) for step in steps})

    @property
    def reranked(self) -> int:
        """Candidates of a quantised search."""
        return max(RERANKED, RERANKED_PER_CELL * self.effort)

    def candidates(self, queries: Any, count: int, allowed: Any = None) -> Any:
        """Rows that may be nearest, a line per query, padded with -1; of allowed rows only."""
        wanted = max(count, self.reranked) if self.kind == "ivfpq" else count
        return self._index.search(
            queries, min(wanted, len(self)), params=self._parameters(allowed)
        )[1]

    def _parameters(self, allowed: Any) -> Any:
        library = faiss()
        some = {} if allowed is None else {"sel": self._selector(allowed)}
        if self.kind == "hnsw":
            return library.SearchParametersHNSW(efSearch=self.effort, **some)
        return library.SearchParametersIVF(nprobe=self.effort, **some)

    def _selector(self, allowed: Any) -> Any:
        """A bit per row: quicker to make and to ask than a set."""
        np = numpy()
        mask = np.zeros(len(self), dtype=bool)
        mask[allowed] = True
        return faiss().IDSelectorBitmap(np.packbits(mask, bitorder="little"))

    def save(self, path: Path) -> None:
        """Write the index, or put its file there again; raises OSError where that fails.

        FAISS would write of a mapped index where its file lay, not what is in it.
        """
        if self._path is not None:
            linked_or_copied(self._path, path)
            return
        try:
            faiss().write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(str(error)) from error

    @classmethod
    def opened(cls, path: Path, kind: Kind, effort: int) -> Approximate:
        """A saved index; inverted lists are mapped from the file and not read.

        Raises RuntimeError for a damaged file.
        """
        library = faiss()
        flags = 0 if kind == "hnsw" else library.IO_FLAG_MMAP
        made = cls(library.read_index(str(path), flags), kind, effort)
        made._path = path
        return made

    @property
    def is_lost(self) -> bool:
        """Whether the file it is mapped from has gone, so that it can be searched but not kept."""
        return self._path is not None and not self._path.is_file()

    def changeable(self) -> Approximate:
        """The same index in memory, where rows can be added to it."""
        if self._path is None:
            return self
        return Approximate(faiss().read_index(str(self._path)), self.kind, self.effort)


def _empty(kind: Kind, rows: int, dimensions: int) -> Any:
    library = faiss()
    metric = library.METRIC_INNER_PRODUCT
    if kind == "hnsw":
        index = library.IndexHNSWFlat(dimensions, NEIGHBOURS, metric)
        index.hnsw.efConstruction = CONSTRUCTION
        return index
    cells = cells_for(rows)
    coarse = library.IndexFlatIP(dimensions)
    if kind == "ivf":
        index = library.IndexIVFFlat(coarse, dimensions, cells, metric)
    else:
        index = library.IndexIVFPQ(coarse, dimensions, cells, code_bytes(dimensions), 8, metric)
        index.pq.cp.min_points_per_centroid = 1
        index.pq.cp.max_points_per_centroid = PER_CODE
        index.pq.cp.niter = ROUNDS
        index.pq.cp.seed = SEED
    coarse.this.disown()
    index.own_fields = True
    index.cp.min_points_per_centroid = 1
    index.cp.niter = ROUNDS
    index.cp.seed = SEED
    return index


def cells_for(rows: int) -> int:
    """Cells of an inverted file: a power of two near 2 times the root of the rows."""
    return int(2 ** round(math.log2(max(16.0, min(2 * math.sqrt(rows), rows / TRAINED_ON)))))


def code_bytes(dimensions: int) -> int:
    """Bytes per vector: the most that divide the dimensions, at most one for every eight."""
    most = max(1, dimensions // PER_BYTE)
    return next(count for count in range(most, 0, -1) if dimensions % count == 0)


def _train(index: Any, store: VectorStore) -> None:
    np = numpy()
    wanted = min(len(store), max(TRAINED_ON * int(index.nlist), PER_CODE * 2**8))
    chosen = np.sort(np.random.default_rng(SEED).choice(len(store), wanted, replace=False))
    index.train(store.take(chosen))
