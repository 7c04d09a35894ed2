"""Passages searched by meaning and by words at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from advisor.contracts import PluginInfo, Tools
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.combined.fusion import Fusion, Part, by_rank, by_score
from rag_baseline.combined.rerank import reranked_first, reranker
from rag_baseline.options import Reader, number_from, one_of, read_options, whole_from
from rag_baseline.vectors.index import FaissRetriever
from rag_baseline.words.bm25 import READERS as WORD_READERS
from rag_baseline.words.bm25 import Bm25Retriever

SCORES = "scores"
FUSIONS: dict[str, Fusion] = {SCORES: by_score, "rrf": by_rank}


@dataclass(frozen=True)
class HybridOptions:
    """What a user may set beside the options of the two parts."""

    fusion: str = SCORES
    weight: float = 0.4
    """The share of meaning; the rest is that of words, so that a word found nowhere else wins."""
    depth: int = 100
    """Hits of each part that are fused; more where more are asked for."""
    rerank: str = ""
    """Folder of a cross-encoder, or URL#MODEL of a service, that orders the first hits anew."""
    rerank_depth: int = 30
    """How many of them; those found beyond stay behind them."""


READERS: dict[str, Reader] = {
    "fusion": one_of(*FUSIONS),
    "weight": number_from(0.0, 1.0),
    "depth": whole_from(1, 10_000),
    "rerank": str,
    "rerank_depth": whole_from(1, 1000),
}


class HybridRetriever:
    """Dense retrieval and BM25, fused."""

    info = PluginInfo(id="hybrid", label="dense retrieval and BM25, fused", extra="rag")

    def __init__(
        self,
        dense: FaissRetriever | None = None,
        words: Bm25Retriever | None = None,
        options: HybridOptions | None = None,
    ) -> None:
        self._dense = dense or FaissRetriever()
        self._words = words or Bm25Retriever()
        self._options = options or HybridOptions()
        self._reranker = reranker(self._options.rerank) if self._options.rerank else None

    def configured(self, options: Mapping[str, str]) -> Self:
        """With fusion, weight, depth, rerank or rerank_depth, or options of one of the parts.

        Raises InputError for an unknown or wrong one.
        """
        own = {name: text for name, text in options.items() if name in READERS}
        words = {name: text for name, text in options.items() if name in WORD_READERS}
        dense = {name: text for name, text in options.items() if name not in own | words}
        given = read_options("the retriever hybrid", own, READERS)
        return type(self)(
            self._dense.configured(dense) if dense else self._dense,
            self._words.configured(words) if words else self._words,
            replace(self._options, **given),
        )

    def equipped(self, tools: Tools) -> Self:
        """With the run's embedder, cache folder and progress."""
        return type(self)(self._dense.equipped(tools), self._words.equipped(tools), self._options)

    @property
    def digest(self) -> str:
        """Digest over passages, embedder and options: equal digests mean equal hits."""
        body = [self._dense.digest, self._words.digest, self._deciding]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the hits, for a manifest."""
        dense = {f"dense_{name}": value for name, value in self._dense.settings.items()}
        words = {f"words_{name}": value for name, value in self._words.settings.items()}
        parts = {name: v for name, v in (dense | words).items() if not name.endswith("_retriever")}
        return {"retriever": self.info.id, "index": self.digest, **self._deciding, **parts}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the index by meaning."""
        return self._dense.notes

    @property
    def _deciding(self) -> dict[str, str | int | float | bool]:
        """The options, the reranking model as it tells itself: where it lies decides nothing."""
        model = self._reranker.told if self._reranker else ""
        return {**asdict(self._options), "rerank": model}

    def index(self, passages: Sequence[Passage]) -> None:
        """Make passages searchable, from what is stored where the same was stored before.

        Raises CorpusError when there is none, MissingExtraError, StorageError.
        """
        self._words.index(passages)
        self._dense.index(passages)

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""
        self._dense.add(passages)
        self._words.add(passages)

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""
        self._words.remove(document)
        return self._dense.remove(document)

    def prepare(self, queries: Sequence[str]) -> None:
        """Embed queries together; one at a time each would cost as much as a whole batch."""
        self._dense.prepare(queries)

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k passages, best first."""
        return self.search_where(query, k, {})

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""
        if k < 1:
            return []
        if self._reranker is None:
            return self._fused(query, k, where)
        depth = self._options.rerank_depth
        found = self._fused(query, max(k, depth), where)
        return reranked_first(self._reranker, query, found, depth)[:k]

    def _fused(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        depth = max(k, self._options.depth)
        dense = (
            self._dense.search_where(query, depth, where)
            if where
            else self._dense.search(query, depth)
        )
        words = self._words.search_where(query, depth, where)
        if self._options.fusion == SCORES:
            found = {hit.passage.id for hit in words}
            beside = [hit.passage for hit in dense if hit.passage.id not in found]
            words = [*words, *self._words.scored(query, beside)]
        share = self._options.weight
        parts = Part(dense, share), Part(words, 1 - share, floor=0)
        return self._in_order(FUSIONS[self._options.fusion](parts, k), k)

    def _in_order(self, hits: list[Hit], k: int) -> list[Hit]:
        """The best k of them, ties in the order of indexing."""
        if len({hit.score for hit in hits}) == len(hits):
            return hits[:k]
        paired = zip(hits, self._words.positions([hit.passage for hit in hits]), strict=True)
        return [hit for hit, _ in sorted(paired, key=lambda pair: (-pair[0].score, pair[1]))][:k]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """`search` for each query, in order, embedding them together."""
        self.prepare(queries)
        return [self.search(query, k) for query in queries]
