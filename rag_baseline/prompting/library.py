"""The documents cut into passages and made searchable, in each of the ways that are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from advisor.contracts import Equipped, Filtering, Retriever, Tools, Windowed
from advisor.errors import InputError
from advisor.schema.evaluation import Document, Hit, Passage, Sample
from advisor.schema.relevance import names_document
from rag_baseline.chunking.chunk import Passages
from rag_baseline.combined.hybrid import HybridRetriever
from rag_baseline.combined.rerank import reranked_first, reranker
from rag_baseline.prompting.rag_options import RagOptions
from rag_baseline.vectors.index import FaissRetriever
from rag_baseline.words.bm25 import Bm25Retriever

DOCUMENT = "document"
RERANKED = 30
"""Passages that a reranker looks at; those found beyond them stay behind them."""


class Library:
    """One corpus under several cuts and searches; what was made once is kept."""

    def __init__(self, corpus: Sequence[Document], tools: Tools) -> None:
        self.corpus = corpus
        self._tools = tools
        self._cuts: dict[tuple[int, int], Sequence[Passage]] = {}
        self._retrievers: dict[tuple[str, int, int], Retriever] = {}
        self._names = tuple(document.name for document in corpus)

    @property
    def is_own(self) -> bool:
        """Whether the package's own retrievers are used: the run names no other."""
        return self._tools.retriever is None

    def passages(self, options: RagOptions) -> Sequence[Passage]:
        """The corpus in passages of at most so many tokens, as far as the embedder reads."""
        embedder = self._tools.embedder
        tokenizer = embedder.tokenizer if isinstance(embedder, Windowed) else None
        most = embedder.max_tokens if isinstance(embedder, Windowed) else None
        tokens = min(options.tokens, most) if most else options.tokens
        key = (tokens, min(options.overlap, tokens // 2))
        if key not in self._cuts:
            self._cuts[key] = Passages(
                self.corpus, tokens=tokens, overlap=key[1], tokenizer=tokenizer
            )
        return self._cuts[key]

    def retriever(self, options: RagOptions) -> Retriever:
        """What searches these passages in this way; indexed.

        Raises CorpusError where the documents hold no text, InputError for a way of searching
        beside a retriever that the run names, MissingExtraError, StorageError.
        """
        given = self._tools.retriever
        if given is not None and "search" in options.given:
            raise InputError(
                f"The run names the retriever {given.info.id}, so that search={options.search} "
                "has nothing to choose.",
                hint="Leave out one of the two.",
            )
        cut = (options.tokens, options.overlap)
        key = (options.search, *cut)
        if key not in self._retrievers:
            self._add(cut, options)
        return self._retrievers[key]

    def _add(self, cut: tuple[int, int], options: RagOptions) -> None:
        """Index one more; searching by both has searching by either in it, once."""
        made = self._made(options.search)
        made[options.search].index(self.passages(options))
        self._retrievers |= {(way, *cut): one for way, one in made.items()}

    def _made(self, way: str) -> dict[str, Retriever]:
        """What indexing this way makes ready to search, by way."""
        given = self._tools.retriever
        if given is not None:
            return {way: given.equipped(self._tools) if isinstance(given, Equipped) else given}
        dense = FaissRetriever().equipped(self._tools)
        words = Bm25Retriever().equipped(self._tools)
        parts: dict[str, Retriever] = {"dense": dense, "bm25": words}
        if way in parts:
            return {way: parts[way]}
        return {**parts, way: HybridRetriever(dense, words)}

    def keep_only(self, retriever: Retriever) -> None:
        """Let go of every other that was tried."""
        self._retrievers = {k: one for k, one in self._retrievers.items() if one is retriever}

    def find(self, retriever: Retriever, options: RagOptions, sample: Sample, k: int) -> list[Hit]:
        """At most k hits for a sample, best first, within what its filters allow."""
        if not options.rerank:
            return self._found(retriever, options, sample, k)
        found = self._found(retriever, options, sample, max(k, RERANKED))
        model = reranker(options.rerank)
        return reranked_first(model, sample.input, found, RERANKED)[:k]

    def _found(
        self, retriever: Retriever, options: RagOptions, sample: Sample, k: int
    ) -> list[Hit]:
        documents = None
        if options.within_document and sample.document:
            documents = [n for n in self._names if names_document(sample.document, n)]
        if not documents and not options.where:
            return retriever.search(sample.input, k)
        return _among(retriever, sample.input, k, options.where, documents or None)


def prepare(retriever: Retriever, queries: Sequence[str]) -> None:
    """Embed questions together, where the retriever can; for speed alone."""
    together = cast("Callable[[Sequence[str]], None] | None", getattr(retriever, "prepare", None))
    if together is not None:
        together(queries)


def _among(
    retriever: Retriever,
    query: str,
    k: int,
    where: Mapping[str, str],
    documents: Sequence[str] | None,
) -> list[Hit]:
    """Hits whose metadata fits, of these documents where some are named."""
    if isinstance(retriever, Filtering) and (documents is None or len(documents) == 1):
        wanted = {**where, **({DOCUMENT: documents[0]} if documents else {})}
        return retriever.search_where(query, k, wanted)
    allowed = set(documents) if documents is not None else None
    depth = 8 * k
    while True:
        found = (
            retriever.search_where(query, depth, where)
            if isinstance(retriever, Filtering) and where
            else retriever.search(query, depth)
        )
        fitting = [hit for hit in found if _fits(hit.passage, where, allowed)]
        if len(fitting) >= k or len(found) < depth:
            return fitting[:k]
        depth *= 4


def _fits(passage: Passage, where: Mapping[str, str], allowed: set[str] | None) -> bool:
    if allowed is not None and passage.document not in allowed:
        return False
    facts = {**passage.metadata, DOCUMENT: passage.document}
    return all(facts.get(name) == value for name, value in where.items())
