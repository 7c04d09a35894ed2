"""Vectors by row number, in memory or mapped from files, in one piece or in several."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag_baseline.vectors.vector_libraries import faiss, has_faiss, numpy

BLOCK = 8192
"""Rows that are widened or compared at once."""
TOLERANCE = 1e-3
"""How far the length of a vector may be from 1; half precision takes less."""
SMALL = 4096
"""A piece in memory with fewer rows is joined with the next one."""


class VectorStore:
    """Unit vectors, never changed, only added to; pieces may be memory-mapped files."""

    def __init__(self, pieces: Sequence[Any] = ()) -> None:
        self.pieces: list[Any] = list(pieces)

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    @property
    def dimensions(self) -> int:
        """Numbers per vector; 0 for an empty store."""
        return int(self.pieces[0].shape[1]) if self.pieces else 0

    @property
    def bytes(self) -> int:
        """Size of all vectors, on disk or in memory."""
        return sum(int(piece.nbytes) for piece in self.pieces)

    @property
    def is_rounded(self) -> bool:
        """Whether vectors are kept in half precision."""
        return any(piece.dtype == "float16" for piece in self.pieces)

    def with_piece(self, piece: Any) -> VectorStore:
        """The same rows and, after them, those of one more piece."""
        np = numpy()
        last = self.pieces[-1] if self.pieces else None
        is_joined = (
            last is not None
            and not isinstance(last, np.memmap)
            and not isinstance(piece, np.memmap)
            and len(last) < SMALL
        )
        if is_joined:
            return VectorStore([*self.pieces[:-1], np.concatenate([last, piece])])
        return VectorStore([*self.pieces, piece])

    def take(self, rows: Any) -> Any:
        """float32 vectors of some rows, in their order."""
        np = numpy()
        rows = np.asarray(rows, dtype="int64")
        if len(self.pieces) == 1:
            return np.asarray(self.pieces[0][rows], dtype="float32")
        found = np.empty((len(rows), self.dimensions), dtype="float32")
        for start, piece in self._starts():
            inside = (rows >= start) & (rows < start + len(piece))
            found[inside] = piece[rows[inside] - start]
        return found

    def blocks(self) -> Iterator[tuple[int, Any]]:
        """First row and float32 vectors, block by block, so that little is in memory at once."""
        np = numpy()
        for start, piece in self._starts():
            for at in range(0, len(piece), BLOCK):
                yield start + at, np.ascontiguousarray(piece[at : at + BLOCK], dtype="float32")

    def nearest(self, queries: Any, count: int) -> Any:
        """Rows with the largest inner products, best first, one line per query; exact.

        A line is padded with -1 where there are fewer rows than `count`.
        """
        np = numpy()
        best: tuple[Any, Any] | None = None
        for start, part in self._comparable():
            scores, rows = _nearest_in(part, queries, min(count, len(part)))
            rows = rows + start
            if best is not None:
                scores = np.concatenate([best[0], scores], axis=1)
                rows = np.concatenate([best[1], rows], axis=1)
                order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
                scores = np.take_along_axis(scores, order, axis=1)
                rows = np.take_along_axis(rows, order, axis=1)
            best = scores, rows
        if best is None:
            return np.full((len(queries), count), -1, dtype="int64")
        lacking = count - best[1].shape[1]
        return np.pad(best[1], ((0, 0), (0, max(0, lacking))), constant_values=-1)

    def _comparable(self) -> Iterator[tuple[int, Any]]:
        """Whole pieces where they can be compared as they are, else widened blocks."""
        if self.is_rounded or not has_faiss():
            yield from self.blocks()
        else:
            yield from self._starts()

    def _starts(self) -> Iterator[tuple[int, Any]]:
        start = 0
        for piece in self.pieces:
            yield start, piece
            start += len(piece)


class DamagedVectorsError(Exception):
    """A stored vector is not what it was."""


def are_unit(vectors: Any) -> bool:
    """Whether all have length 1; zeros, which a text of no letter may give, pass."""
    np = numpy()
    with np.errstate(all="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
        return bool(((np.abs(squares - 1) < 2 * TOLERANCE) | (squares == 0)).all())


def _nearest_in(vectors: Any, queries: Any, count: int) -> tuple[Any, Any]:
    """Scores and row numbers inside one array, best first."""
    np = numpy()
    if has_faiss():
        library = faiss()
        scores, rows = library.knn(
            queries, np.asarray(vectors), count, metric=library.METRIC_INNER_PRODUCT
        )
        return scores, rows.astype("int64")
    scores = queries @ np.asarray(vectors).T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(scores, rows, axis=1), rows


def matrix(slices: Iterable[Any]) -> Any:
    """One float32 array of slices, in memory."""
    np = numpy()
    return np.concatenate([np.ascontiguousarray(part, dtype="float32") for part in slices])


def written(path: Path, slices: Iterable[Any], rows: int, kind: str) -> Any:
    """The slices as a mapped file, written one after the other; `kind` is the number format.

    Raises OSError.
    """
    np = numpy()
    with path.open("wb") as stream:
        is_open = False
        for part in slices:
            whole = np.ascontiguousarray(part, dtype=kind)
            if not is_open:
                head = {"descr": np.dtype(kind).str, "fortran_order": False}
                head["shape"] = (rows, whole.shape[1])
                np.lib.format.write_array_header_1_0(stream, head)
                is_open = True
            stream.write(whole.data)
    return opened(path)


def opened(path: Path) -> Any:
    """A written file, mapped and not read; raises OSError and ValueError for a damaged one."""
    return numpy().load(path, mmap_mode="r", allow_pickle=False)


def linked_or_copied(source: Path, path: Path) -> None:
    """The file under a second name, as a link where the disk allows it. Raises OSError."""
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
