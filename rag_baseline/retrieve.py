"""Exact nearest neighbours with stable ties, by FAISS where it is installed, else by numpy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from advisor.errors import MissingExtraError

DECIMALS = 6
"""Similarities closer than this are ties: the same text embedded in two batches differs by less."""
SPARE = 16

Ranked = list[tuple[int, float]]
Vectors = Sequence[Sequence[float]]


class Search(Protocol):
    """Vectors that can be searched, saved and opened again."""

    file_name: str

    def nearest(self, vector: Sequence[float], count: int) -> Ranked:
        """Positions and inner products, best first, ties in any order."""
        ...

    def save(self, folder: Path) -> None:
        """Write what is needed to open it again."""
        ...

    def __len__(self) -> int: ...


class FaissSearch:
    """FAISS's flat index: every vector is compared (`IndexFlatIP`)."""

    file_name = "index.faiss"

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def of(cls, vectors: Vectors) -> FaissSearch:
        """An index over vectors, in their order."""
        rows = _rows(vectors)
        index = _faiss().IndexFlatIP(rows.shape[1])
        index.add(rows)
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> FaissSearch:
        """A saved index."""
        return cls(_faiss().read_index(str(folder / cls.file_name)))

    def nearest(self, vector: Sequence[float], count: int) -> Ranked:
        """Positions and inner products, best first, ties in any order."""
        scores, positions = self._index.search(_rows([vector]), count)
        pairs = zip(positions[0], scores[0], strict=True)
        return [(int(position), float(score)) for position, score in pairs]

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        _faiss().write_index(self._index, str(folder / self.file_name))

    def __len__(self) -> int:
        return int(self._index.ntotal)


class NumpySearch:
    """The same comparison as one matrix product."""

    file_name = "vectors.npy"

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    @classmethod
    def of(cls, vectors: Vectors) -> NumpySearch:
        """An index over vectors, in their order."""
        return cls(_rows(vectors))

    @classmethod
    def open(cls, folder: Path) -> NumpySearch:
        """A saved index; object arrays, which could run code, are refused."""
        return cls(_numpy().load(folder / cls.file_name, allow_pickle=False))

    def nearest(self, vector: Sequence[float], count: int) -> Ranked:
        """Positions and inner products, best first, ties in any order."""
        scores = self._rows @ _rows([vector])[0]
        best = _numpy().argsort(-scores, kind="stable")[:count]
        return [(int(position), float(scores[position])) for position in best]

    def save(self, folder: Path) -> None:
        """Write the vectors into a folder."""
        _numpy().save(folder / self.file_name, self._rows, allow_pickle=False)

    def __len__(self) -> int:
        return int(self._rows.shape[0])


def engine() -> type[FaissSearch | NumpySearch]:
    """FAISS where it can be imported, else numpy; both find the same passages."""
    try:
        _faiss()
    except ImportError:
        return NumpySearch
    return FaissSearch


def best(search: Search, vector: Sequence[float], k: int) -> Ranked:
    """The k nearest positions, best first; ties in the order of indexing."""
    count = min(len(search), k + SPARE)
    while True:
        found = [
            (position, round(score, DECIMALS)) for position, score in search.nearest(vector, count)
        ]
        ranked = sorted(found, key=lambda pair: (-pair[1], pair[0]))
        if count == len(search) or ranked[-1][1] < ranked[k - 1][1]:
            return ranked[:k]
        count = min(len(search), 2 * count)


@cache
def _faiss() -> Any:
    import faiss  # noqa: PLC0415 - heavy and optional

    return faiss


def _numpy() -> Any:
    try:
        import numpy as np  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("FAISS retrieval", "rag") from error
    return np


def _rows(vectors: Vectors) -> Any:
    return _numpy().ascontiguousarray(vectors, dtype="float32")
