"""Dense retrieval by an engine that the user runs: PostgreSQL with the extension pgvector."""

from __future__ import annotations

import hashlib
import json
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from advisor.contracts import Arraying, Asymmetric, Embedder, PluginInfo, Progress, Tools
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.embedding.embed import SentenceTransformersEmbedder
from rag_baseline.options import Reader, one_of, read_options, yes_no
from rag_baseline.passage_text import searched_text
from rag_baseline.vectors.ranking import DECIMALS, SPARE
from rag_baseline.vectors.shelf import DOCUMENT, Shelf
from rag_baseline.vectors.vector_libraries import numpy

if TYPE_CHECKING:
    from rag_baseline.postgres._pgvector import Table

SLICE = 1024
"""Passages embedded and sent in one transaction: what a kill may cost."""
FEW = 10_000
"""Passages up to which every vector is compared; beyond, an HNSW index is asked."""
MOST_ASKED = 1000
"""Candidates an HNSW index can be asked for (the largest `hnsw.ef_search`)."""
NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,50}")


def _matching(pattern: re.Pattern[str], what: str) -> Reader:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            msg = f"it must be {what}"
            raise ValueError(msg)
        return text

    return read


OPTIONS: dict[str, Reader] = {
    "dsn_env": _matching(re.compile(r"[A-Za-z_]\w*"), "the name of an environment variable"),
    "table": _matching(NAME, "a table's name, or schema.table"),
    "distance": one_of("inner_product", "cosine"),
    "kind": one_of("auto", "exact", "hnsw"),
    "store_text": yes_no,
    "rebuild": yes_no,
}


@dataclass(frozen=True)
class PgvectorOptions:
    """Where the vectors are kept and how they are searched."""

    dsn_env: str = "PGVECTOR_DSN"
    """The environment variable that holds the connection string; nothing else ever does."""
    table: str = "advisor_passages"
    distance: str = "inner_product"
    kind: str = "auto"
    store_text: bool = False
    """Whether texts and metadata stand in the table as they are; else as digests alone."""
    rebuild: bool = False
    """Make the table anew, whatever it holds."""


class PgvectorRetriever:
    """Passages searched by a PostgreSQL server; only new and changed ones are sent to it.

    The server's candidates are compared once more here, so that order and ties are those of every
    other retriever. The table holds ids, offsets, vectors and digests; texts only with
    `store_text=yes`.
    """

    info = PluginInfo(
        id="pgvector", label="dense retrieval in PostgreSQL (pgvector)", extra="pgvector"
    )

    def __init__(
        self,
        embedder: Embedder | None = None,
        progress: Progress | None = None,
        options: PgvectorOptions | None = None,
    ) -> None:
        self._embedder: Embedder = embedder or SentenceTransformersEmbedder()
        self._progress = progress
        self._options = options or PgvectorOptions()
        self._shelf: Shelf | None = None
        self._table: Table | None = None
        self._order: Any = None
        self._content = ""
        self._queries: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}

    def configured(self, options: Mapping[str, str]) -> Self:
        """With these options; raises InputError for an unknown or wrong one."""
        read = read_options(self.info.id, options, OPTIONS)
        return type(self)(self._embedder, self._progress, PgvectorOptions(**read))

    def equipped(self, tools: Tools) -> Self:
        """The same retriever with the run's embedder and progress."""
        return type(self)(tools.embedder, tools.progress, self._options)

    @property
    def digest(self) -> str:
        """Digest over passages, embedder and options."""
        shelf = self._shelf.digest if self._shelf is not None else ""
        said = [self._embedder_name, self._options.distance, self._options.kind, shelf]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the hits, for a manifest; never where the server is or who asks it."""
        return {
            "retriever": self.info.id,
            "kind": self._facts.get("kind", "exact"),
            "distance": self._options.distance,
            "index": self.digest,
        }

    @property
    def report(self) -> dict[str, Any]:
        """How the table was brought up to date: kind, rows sent, changed and removed, seconds."""
        return dict(self._facts)

    def index(self, passages: Sequence[Passage]) -> None:
        """Bring the table up to date with these passages.

        Raises CorpusError when there is none, InputError without a connection string,
        MissingExtraError, RetrieverError where the server does not do it.
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
        mask = self._shelf.matching({DOCUMENT: document})
        count = int(mask.sum())
        if count:
            self._take(self._shelf.keeping(~mask))
        return count

    def prepare(self, queries: Sequence[str]) -> None:
        """Embed queries together; one at a time each would cost as much as a whole batch."""
        wanted = list(dict.fromkeys(queries))
        self._queries = {}
        if wanted:
            self._queries = dict(zip(wanted, self._asked_vectors(wanted), strict=True))

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k hits, best first, ties in the order of indexing."""
        return self.search_where(query, k, {})

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""
        shelf, table = self._shelf, self._table
        if shelf is None or table is None or k < 1 or not len(shelf):
            return []
        if table.content != self._content:  # somebody else's passages are there now
            self._take(shelf)
        mask = shelf.matching(where)
        total = int(mask.sum())
        if not total:
            return []
        vector = self._queries.get(query)
        if vector is None:
            vector = self._asked_vectors([query])[0]
        return [
            Hit(passage=shelf[at], score=score)
            for at, score in self._best(vector, min(k, total), (where, mask, total))
        ]

    def _best(
        self, vector: Any, k: int, among: tuple[Mapping[str, str], Any, int]
    ) -> list[tuple[int, float]]:
        """Asks for more while what was left out could tie with the last hit."""
        where, mask, total = among
        assert self._table is not None  # noqa: S101 - search_where has looked
        limit = k + SPARE
        is_exact = not self._table.is_indexed or (bool(where) and total <= FEW)
        while True:
            is_exact = is_exact or limit > MOST_ASKED
            keys, vectors = self._table.nearest(vector, limit, where, is_exact=is_exact)
            ranked = self._ranked(vector, keys, vectors, mask)
            if is_exact and len(keys) < limit:
                return ranked[:k]
            if len(ranked) > k and ranked[-1][1] < ranked[k - 1][1]:
                return ranked[:k]
            if len(keys) < min(limit, total):
                is_exact = True
            limit *= 2

    def _ranked(self, vector: Any, keys: Any, vectors: Any, mask: Any) -> list[tuple[int, float]]:
        """Positions with their scores, summed row by row so that equal vectors tie."""
        np = numpy()
        places, ordered = self._order
        at = np.searchsorted(ordered, keys)
        at[at == len(ordered)] = 0
        positions = places[at]
        known = (ordered[at] == keys) & mask[positions]
        positions, vectors = positions[known], vectors[known]
        products = (vectors * vector).sum(axis=1).astype("float64")
        if self._options.distance == "cosine":
            lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
            products = products / np.where(lengths > 0, lengths, 1.0)
        scores = np.round(products, DECIMALS)
        best = np.lexsort((positions, -scores))
        return [(int(positions[one]), float(scores[one])) for one in best]

    def _take(self, shelf: Shelf) -> None:
        """Stand for these passages from now on, here and in the table."""
        began = time.perf_counter()
        table = self._opened()
        np = numpy()
        own = np.asarray([table.rows.mark(passage) for passage in shelf], dtype="int64")
        places = np.argsort(shelf.keys, kind="stable")
        ordered = shelf.keys[places]
        content = hashlib.sha256(ordered.tobytes() + own[places].tobytes()).hexdigest()[:16]
        with table.alone():
            sent = changed = gone = 0
            if table.content != content:
                table.stamp("")
                sent, changed, gone = self._brought_up_to_date(table, shelf, own)
            kind = table.searchable(self._options.kind, FEW) if len(shelf) else "exact"
            table.stamp(content)
        self._shelf, self._order, self._content = shelf, (places, ordered), content
        self._facts = {
            "kind": kind,
            "passages": len(shelf),
            "sent": sent,
            "changed": changed,
            "removed": gone,
            "seconds": round(time.perf_counter() - began, 3),
            "notes": table.notes,
        }

    def _brought_up_to_date(self, table: Table, shelf: Shelf, own: Any) -> tuple[int, int, int]:
        """How many passages were sent, changed beside their text, and taken out."""
        np = numpy()
        keys, marks = table.held()
        is_held = np.isin(shelf.keys, keys)
        self._send(table, shelf, np.flatnonzero(~is_held))
        order = np.argsort(keys)
        places = np.flatnonzero(is_held)
        now = marks[order[np.searchsorted(keys[order], shelf.keys[places])]] if len(places) else own
        changed = places[now != own[places]] if len(places) else places
        table.change([(int(shelf.keys[at]), shelf[int(at)]) for at in changed])
        gone = keys[~np.isin(keys, shelf.keys)]
        table.remove(gone)
        return int((~is_held).sum()), len(changed), len(gone)

    def _send(self, table: Table, shelf: Shelf, positions: Any) -> None:
        line = self._progress if len(positions) > SLICE else None
        if line is not None:
            line.start("sending passages to PostgreSQL", len(positions))
        try:
            for start in range(0, len(positions), SLICE):
                some = [int(at) for at in positions[start : start + SLICE]]
                passages = [shelf[at] for at in some]
                vectors = self._vectors([searched_text(passage) for passage in passages])
                table.send(shelf.keys[some], passages, vectors, self._embedder_name)
                if line is not None:
                    line.advance(len(some))
        finally:
            if line is not None:
                line.finish()

    def _opened(self) -> Table:
        """The table; the connection is kept, and closed with this retriever."""
        if self._table is None or not self._table.is_open:
            from rag_baseline.postgres._pgvector import opened  # noqa: PLC0415 - heavy and optional

            self._table = opened(self._options, self._embedder_name)
            weakref.finalize(self, self._table.close)
        return self._table

    def _vectors(self, texts: Sequence[str]) -> Any:
        embedder = self._embedder
        rows = embedder.array(texts) if isinstance(embedder, Arraying) else embedder.embed(texts)
        return numpy().asarray(rows, dtype="float32")

    def _asked_vectors(self, queries: Sequence[str]) -> Any:
        if isinstance(self._embedder, Asymmetric):
            return numpy().asarray(self._embedder.array_queries(queries), dtype="float32")
        return self._vectors(queries)

    @property
    def _embedder_name(self) -> str:
        return f"{self._embedder.info.id} {getattr(self._embedder, 'digest', '')}".strip()
