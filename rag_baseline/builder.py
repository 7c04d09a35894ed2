"""The third prompt builder: the passages that fit the question stand before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import cast

from advisor.contracts import Embedder, PluginInfo, Tools
from advisor.errors import CorpusError
from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Document, Hit, Message, Passage, Prompt, Sample
from rag_baseline.chunk import OVERLAP, SIZE, chunk
from rag_baseline.embed import SentenceTransformersEmbedder
from rag_baseline.index import FaissRetriever

PASSAGES = 3
SHORTEST = 150
"""Characters below which passages are not cut further for the embedder's sake."""


def user_turn(hits: Sequence[Hit], text: str) -> str:
    """The passages, numbered, best first, and the question. Fixed: models are trained on it."""
    context = "\n\n".join(f"[{at}] {hit.passage.text}" for at, hit in enumerate(hits, start=1))
    return f"Context:\n{context}\n\nQuestion: {text}"


def readable(document: Document, embedder: Embedder) -> list[Passage]:
    """Passages that the embedder reads to their end: halved in size until it does.

    Scripts other than Latin, tables and code take more tokens per character than English. How much
    an embedder reads is the optional member `cuts`; without it passages keep their size.
    """
    cuts = cast("Callable[[Sequence[str]], bool] | None", getattr(embedder, "cuts", None))
    size = SIZE
    passages = chunk(document, size=size)
    while cuts is not None and size > SHORTEST and cuts([p.text for p in passages]):
        size //= 2
        passages = chunk(document, size=size)
    return passages


class RagBuilder:
    """System turn with the instruction, then one user turn with passages and question."""

    info = PluginInfo(
        id="rag", label="instruction and retrieved passages", extra="rag", cost_rank=2
    )

    def __init__(self, embedder: Embedder | None = None, passages: int = PASSAGES) -> None:
        self._embedder = embedder
        self._count = passages
        self._retriever: FaissRetriever | None = None
        self._instruction = ""

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {
            "instruction": hashlib.sha256(self._instruction.encode()).hexdigest()[:12],
            "passages": self._count,
            "passage_characters": SIZE,
            "overlap_characters": OVERLAP,
            "index": self._retriever.digest if self._retriever else "",
        }

    def fit(
        self,
        train: Sequence[Sample],  # noqa: ARG002 - the contract's name; knowledge is in the corpus
        dev: Sequence[Sample],  # noqa: ARG002 - the same
        corpus: Sequence[Document],
        tools: Tools,
    ) -> None:
        """Index the corpus. Raises CorpusError when it is empty, MissingExtraError."""
        if not corpus:
            raise CorpusError(
                "Retrieval needs documents, got none.",
                hint="Point --docs at a folder of text or Markdown files, or leave rag out.",
            )
        self._instruction = tools.instruction
        embedder = self._embedder or SentenceTransformersEmbedder()
        retriever = FaissRetriever(embedder, cache_dir=tools.cache_dir, progress=tools.progress)
        retriever.index([p for document in corpus for p in readable(document, embedder)])
        self._retriever = retriever

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed the questions of several samples at once; optional, for speed alone."""
        if self._retriever is not None:
            self._retriever.prepare([sample.input for sample in samples])

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        hits = self._retriever.search(sample.input, self._count) if self._retriever else []
        return Prompt(
            sample_id=sample.id,
            messages=(
                *opening(sample, self._instruction),
                *earlier(sample),
                Message(role="user", content=user_turn(hits, sample.input)),
                *sample.steps,
            ),
            passages=tuple(hit.passage.id for hit in hits),
            passage_texts=tuple(hit.passage.text for hit in hits),
        )
