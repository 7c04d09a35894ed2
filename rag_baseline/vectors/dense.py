"""An index as it is built: vectors of passages, their keys, and perhaps an approximate search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag_baseline.vectors.approximate import Approximate
from rag_baseline.vectors.index_kinds import WHOLE_UP_TO, IndexOptions, Kind
from rag_baseline.vectors.ranking import Ranking
from rag_baseline.vectors.recall import settle_effort
from rag_baseline.vectors.shelf import Shelf
from rag_baseline.vectors.vector_libraries import has_faiss, numpy
from rag_baseline.vectors.vector_store import BLOCK, VectorStore, matrix, written

DEAD = 0.2
"""Share of rows no passage stands for, above which the others are written anew."""
GROWTH = 0.5
"""Rows added since training, as a share of those trained on, above which it is trained anew."""
REUSED = 0.1
"""Share of passages whose vectors another index must hold for it to be carried on."""
NEW = 0.1
"""Rows added since training, as a share, up to which the recall is taken for what it was."""
PIECES = 8
"""Pieces of vectors above which they are joined."""
FRESH = "fresh.npy"
JOINED = "joined.npy"

Slices = Callable[[Any], Iterable[Any]]
"""Vectors of the passages at some positions, slice by slice."""


@dataclass(frozen=True)
class Dense:
    """Rows of vectors; which of them are of use, the passages decide by their keys."""

    store: VectorStore = field(default_factory=VectorStore)
    keys: Any = None
    """Key of every row."""
    approximate: Approximate | None = None
    trained_on: int = 0
    """Rows there were when the approximate index was built."""
    stated: float = 0.0
    recall: float = 1.0
    """Measured at 10 against exact search."""
    is_unit: bool = False
    """Whether it was stored with vectors of length 1, so that others are damage."""

    def rows_of(self, keys: Any) -> Any:
        """Row of every key, -1 where there is none."""
        np = numpy()
        if self.keys is None or not len(self.keys):
            return np.full(len(keys), -1, dtype="int64")
        order = np.argsort(self.keys, kind="stable")
        places = np.searchsorted(self.keys, keys, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        return np.where(self.keys[rows] == keys, rows, -1)

    @property
    def kind(self) -> Kind:
        """How it searches."""
        return self.approximate.kind if self.approximate is not None else "exact"


def grown(
    base: Dense, shelf: Shelf, slices: Slices, options: IndexOptions, scratch: Path | None
) -> Dense:
    """The base with a vector for every passage: only what is missing is embedded, longest first.

    Texts of like length make full batches; the order of rows means nothing. With a scratch folder
    new vectors are written there and mapped. Raises OSError.
    """
    np = numpy()
    missing = np.flatnonzero(base.rows_of(shelf.keys) < 0)
    missing = missing[np.argsort(-shelf.lengths[missing], kind="stable")]
    if not len(missing):
        return base
    kind = number_format(options, len(shelf))
    if scratch is None:
        piece = matrix(slices(missing)).astype(kind, copy=False)
    else:
        piece = written(scratch / FRESH, slices(missing), len(missing), kind)
    had = base.keys if base.keys is not None else np.empty(0, dtype="int64")
    return replace(
        base,
        store=base.store.with_piece(piece),
        keys=np.concatenate([had, shelf.keys[missing]]),
    )


def number_format(options: IndexOptions, passages: int) -> str:
    """Half precision where vectors are only looked at after a quantised search, else float32."""
    is_quantised = options.kind in {"auto", "ivfpq"} and passages > WHOLE_UP_TO and has_faiss()
    return "float16" if is_quantised else "float32"


def compacted(base: Dense, rows: Any, scratch: Path | None) -> Dense:
    """In one piece where pieces are many, and without dead rows where those are; raises OSError."""
    store = base.store
    if len(rows) < (1 - DEAD) * len(store):
        order = numpy().sort(rows)
        return Dense(_joined(store, order, scratch), base.keys[order])
    if len(store.pieces) > PIECES:
        every_row = numpy().arange(len(store))
        return replace(base, store=_joined(store, every_row, scratch))
    return base


def _joined(store: VectorStore, rows: Any, scratch: Path | None) -> VectorStore:
    """Some rows of a store in one piece."""
    kind = "float16" if store.is_rounded else "float32"
    parts = (store.take(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK))
    if scratch is None:
        return VectorStore([matrix(parts).astype(kind, copy=False)])
    return VectorStore([written(scratch / JOINED, parts, len(rows), kind)])


def searchable(base: Dense, rows: Any, options: IndexOptions) -> Dense:
    """With the approximate search that so many passages call for, at its stated recall.

    Raises MissingExtraError where a kind was asked for that needs FAISS.
    """
    kind = options.kind_for(len(rows), base.store.dimensions)
    if kind != "exact" and options.kind == "auto" and not has_faiss():
        kind = "exact"
    if kind == "exact":
        return replace(base, approximate=None, trained_on=0, stated=options.recall, recall=1.0)
    approximate = _carried_on(base, kind)
    is_new = approximate is None
    if approximate is None:
        approximate = Approximate.trained(kind, base.store)
    trained_on = len(base.store) if is_new else base.trained_on
    added = len(base.store) - trained_on
    if not is_new and base.stated == options.recall and added <= NEW * trained_on:
        return replace(base, approximate=approximate)
    ranking = Ranking.over(base.store, rows, approximate)
    recall = settle_effort(approximate, ranking, options.recall)
    return replace(
        base,
        approximate=approximate,
        trained_on=trained_on,
        stated=options.recall,
        recall=recall,
    )


def _carried_on(base: Dense, kind: Kind) -> Approximate | None:
    """The approximate search there is, with the rows it lacks; None where it lacks too much."""
    total, has = len(base.store), base.approximate
    if has is None or has.kind != kind or has.is_lost:
        return None
    if len(has) > total or total > (1 + GROWTH) * base.trained_on:
        return None
    if len(has) < total:
        try:
            has = has.changeable()
        except RuntimeError:  # its file has gone
            return None
        has.add(base.store, len(has))
    return has
