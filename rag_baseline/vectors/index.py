"""Passages that can be searched by meaning, kept on disk so that nothing is embedded twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor.contracts import Arraying, Asymmetric, Embedder, PluginInfo, Progress, Tools
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.embedding.embed import SentenceTransformersEmbedder
from rag_baseline.passage_text import searched_text
from rag_baseline.vectors.dense import Dense, Slices, compacted, grown, number_format, searchable
from rag_baseline.vectors.index_folder import FORMAT, IndexFolder
from rag_baseline.vectors.index_kinds import IndexOptions
from rag_baseline.vectors.ranking import Ranked, Ranking
from rag_baseline.vectors.shelf import Shelf
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.vectors.vector_store import DamagedVectorsError

SLICE = 128
"""Passages embedded between two signs of life."""
REBUILT = "the stored index was damaged or of another make; it was built anew"
LARGE_SLICE = 4096
"""Passages handed at once to an embedder that keeps vectors and shows progress by itself."""


class FaissRetriever:
    """Dense retrieval: exact for up to 40,000 passages, beyond by an index of measured recall.

    With a cache folder the index is stored there and found again; an index of nearly the same
    passages is carried on, so that only new texts are embedded. Stored are vectors, numbers and a
    manifest, never a text: documents may hold what must not be copied.
    """

    info = PluginInfo(id="faiss", label="dense retrieval (FAISS)", extra="rag")

    def __init__(
        self,
        embedder: Embedder | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        options: IndexOptions | None = None,
    ) -> None:
        self._embedder: Embedder = embedder or SentenceTransformersEmbedder()
        self._cache = cache_dir
        self._progress = progress
        self._options = options or IndexOptions()
        self._shelf: Shelf | None = None
        self._dense = Dense()
        self._ranking: Ranking | None = None
        self._queries: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self.digest = ""
        """Digest over passages, embedder and options: of an exact index equal digests mean equal
        hits."""

    def configured(self, options: Mapping[str, str]) -> FaissRetriever:
        """The same retriever with kind=auto|exact|hnsw|ivf|ivfpq and recall=0.98."""
        return FaissRetriever(self._embedder, self._cache, self._progress, IndexOptions.of(options))

    def equipped(self, tools: Tools) -> FaissRetriever:
        """The same retriever with the run's embedder, cache folder and progress."""
        return FaissRetriever(tools.embedder, tools.cache_dir, tools.progress, self._options)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the hits, for a manifest."""
        return {
            "retriever": self.info.id,
            "kind": self._dense.kind,
            "recall_stated": 1.0 if self._dense.kind == "exact" else self._options.recall,
            "recall_at_10": self._dense.recall,
            "index": self.digest,
        }

    @property
    def report(self) -> dict[str, Any]:
        """How the index was built: kind, parameters, recall, sizes in bytes, seconds, notes."""
        return dict(self._facts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of this index: built anew, or of less recall than stated."""
        return tuple(self._facts.get("notes", ()))

    def index(self, passages: Sequence[Passage]) -> None:
        """Make passages searchable; embeds only what no stored index of this embedder holds.

        Raises CorpusError when there is none, MissingExtraError, StorageError.
        """
        self._take(Shelf.filled(passages))

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""
        if len(passages):
            self._take(
                Shelf.of(passages) if self._shelf is None else self._shelf.with_more(passages)
            )

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""
        if self._shelf is None:
            return 0
        mask = self._shelf.matching({"document": document})
        count = int(mask.sum())
        if count:
            self._take(self._shelf.keeping(~mask))
        return count

    def _take(self, shelf: Shelf) -> None:
        """Stand for these passages from now on."""
        self._shelf = shelf
        self.digest = self._identity(shelf)
        if not len(shelf):
            self._ranking, self._facts = None, {}
            return
        folder = self._folder
        notes = []
        stored = folder.opened(self.digest) if folder else None
        if folder and stored is None and folder.place(self.digest).exists():
            notes.append(REBUILT)
        began = time.perf_counter()
        if stored is not None and (stored.rows_of(shelf.keys) >= 0).all():
            self._dense = stored
        else:
            self._build(shelf, folder, self._base(shelf, folder))
        self._rank(shelf, notes, began)

    def _build(self, shelf: Shelf, folder: IndexFolder | None, base: Dense) -> None:
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(folder.scratch(self.digest)) if folder else None
            dense = grown(base, shelf, self._slices(shelf), self._options, scratch)
            dense = compacted(dense, dense.rows_of(shelf.keys), scratch)
            dense = searchable(dense, dense.rows_of(shelf.keys), self._options)
            if folder is not None and scratch is not None:
                facts = _facts(dense, len(shelf))
                dense = folder.store(self.digest, dense, facts, scratch)
        self._dense = dense

    def _rank(self, shelf: Shelf, notes: list[str], began: float) -> None:
        """Search what was opened or built."""
        dense = self._dense
        ranking = Ranking.over(dense.store, dense.rows_of(shelf.keys), dense.approximate)
        self._ranking = replace(ranking, is_checked=dense.is_unit)
        if dense.recall < dense.stated:
            notes.append(
                f"the stated recall {dense.stated:g} was not reached, "
                f"{dense.recall:.3f} was measured; another kind may find more"
            )
        seconds = round(time.perf_counter() - began, 3)
        self._facts = {**_facts(dense, len(shelf)), "seconds": seconds, "notes": notes}

    def _renew(self, shelf: Shelf) -> None:
        """Build anew from the passages alone; nothing stored is used."""
        began, folder = time.perf_counter(), self._folder
        if folder is not None:
            folder.take_away(self.digest)
        self._build(shelf, folder, Dense())
        self._dense = replace(self._dense, is_unit=False)
        self._rank(shelf, [REBUILT], began)

    def _looked_up(self, look: Callable[[Ranking], list[Ranked]]) -> list[list[Hit]]:
        """Hits, with passages; where a stored vector turns out damaged, of an index built anew."""
        if self._ranking is None or self._shelf is None:
            return []
        try:
            found = look(self._ranking)
        except DamagedVectorsError:
            self._renew(self._shelf)
            found = look(self._ranking)
        shelf = self._shelf
        return [[Hit(passage=shelf[at], score=score) for at, score in row] for row in found]

    def _base(self, shelf: Shelf, folder: IndexFolder | None) -> Dense:
        """What already holds vectors of a good part of these passages, or nothing."""
        is_whole = number_format(self._options, len(shelf)) == "float32"
        held = int((self._dense.rows_of(shelf.keys) >= 0).sum())
        base = self._dense if 2 * held >= len(shelf) else None
        if base is None and folder is not None:
            base = folder.relative(shelf.keys)
        if base is None or (is_whole and base.store.is_rounded):
            return Dense()
        return base

    def _slices(self, shelf: Shelf) -> Slices:
        """Embeds the passages at some positions, told slice by slice."""

        def embedded(positions: Any) -> Iterator[Any]:
            is_keeping = hasattr(self._embedder, "prepare")
            size = LARGE_SLICE if is_keeping else SLICE
            line = self._progress if len(positions) > size and not is_keeping else None
            if line is not None:
                line.start("embedding passages", len(positions))
            try:
                for start in range(0, len(positions), size):
                    some = positions[start : start + size]
                    yield self._vectors([searched_text(shelf[int(at)]) for at in some])
                    if line is not None:
                        line.advance(len(some))
            finally:
                if line is not None:
                    line.finish()

        return embedded

    def _vectors(self, texts: Sequence[str]) -> Any:
        """float32 vectors of passages, one row each."""
        if isinstance(self._embedder, Arraying):
            return numpy().ascontiguousarray(self._embedder.array(texts), dtype="float32")
        return numpy().ascontiguousarray(self._embedder.embed(texts), dtype="float32")

    def _query_vectors(self, queries: Sequence[str]) -> Any:
        """float32 vectors of queries, embedded together unless they are prepared already."""
        np = numpy()
        lacking = [query for query in dict.fromkeys(queries) if query not in self._queries]
        if not lacking:
            return np.stack([self._queries[query] for query in queries])
        if isinstance(self._embedder, Asymmetric):
            fresh = np.asarray(self._embedder.array_queries(lacking), dtype="float32")
        else:
            fresh = self._vectors(lacking)
        known = self._queries | dict(zip(lacking, fresh, strict=True))
        return np.stack([known[query] for query in queries])

    def _identity(self, shelf: Shelf) -> str:
        text = json.dumps(
            [FORMAT, self._embedder_identity, self._options.kind, self._options.recall]
        )
        return hashlib.sha256(f"{text} {len(shelf)} {shelf.digest}".encode()).hexdigest()[:16]

    @property
    def _embedder_identity(self) -> str:
        return f"{self._embedder.info.id} {getattr(self._embedder, 'digest', '')}".strip()

    @property
    def _folder(self) -> IndexFolder | None:
        """Where indexes are kept; nowhere for an embedder that does not say what it is."""
        if self._cache is None or not getattr(self._embedder, "digest", ""):
            return None
        return IndexFolder(self._cache, self._embedder_identity)

    @property
    def folder(self) -> Path | None:
        """Where this index is stored."""
        return self._folder.place(self.digest) if self._folder else None

    def prepare(self, queries: Sequence[str]) -> None:
        """Embed queries together; one at a time each would cost as much as a whole batch."""
        wanted = list(dict.fromkeys(queries))
        self._queries = {}
        if wanted:
            self._queries = dict(zip(wanted, self._query_vectors(wanted), strict=True))

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k passages, best first, ties in the order of indexing."""
        return self.search_many([query], k)[0]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """What `search` finds for each query; compared together, which is quicker."""
        if self._ranking is None or k < 1 or not queries:
            return [[] for _ in queries]
        vectors = self._query_vectors(queries)
        return self._looked_up(lambda ranking: ranking.best(vectors, k))

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""
        if self._ranking is None or self._shelf is None or k < 1:
            return []
        positions = numpy().flatnonzero(self._shelf.matching(where))
        if not len(positions):
            return []
        vector = self._query_vectors([query])[0]
        return self._looked_up(lambda ranking: [ranking.best_among(vector, k, positions)])[0]


def _facts(dense: Dense, passages: int) -> dict[str, Any]:
    """What a manifest and a report say of an index."""
    approximate = dense.approximate
    return {
        "kind": dense.kind,
        "passages": passages,
        "rows": len(dense.store),
        "pieces": len(dense.store.pieces),
        "dimensions": dense.store.dimensions,
        "vector_bytes": dense.store.bytes,
        "parameters": approximate.settings if approximate else {},
        "effort": approximate.effort if approximate else 0,
        "trained_on": dense.trained_on,
        "recall_stated": dense.stated,
        "recall_at_10": dense.recall,
    }
