"""One way from documents to hits, in a process of its own: builds and searches when told to.

    python benchmarks/retrieval/contestant.py NAME --squad FILE --model FOLDER [--cut same|own]

For every line on standard input it builds its index anew, asks, and prints one line of JSON:
seconds of the build, milliseconds per question, and at first for every way of searching the rank
of the right paragraph. Libraries and model are loaded before the first line is read. `same` cuts
documents into passages of 150 tokens with an overlap of 20, as the builder `rag` does; `own` leaves
cutting to the library's defaults.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.squad import Paragraph, Squad  # noqa: E402

TOKENS, OVERLAP = 150, 20
BATCH = 32
DEPTH = 10
TIMED = 150
Search = Callable[[str], list[str]]
"""From a question to names of documents, best first."""


class Contestant(Protocol):
    """Builds an index of paragraphs and gives its ways of searching."""

    def build(self, paragraphs: Sequence[Paragraph]) -> dict[str, Search]:
        """From texts to ways of searching, by name."""


class Ours:
    """The builder `rag`: cut, embed, index, fuse."""

    def __init__(self, model: str, cut: str) -> None:  # noqa: ARG002 - ours has one cut
        self._model = model
        self._embedder().embed(["warm"])
        for name in ("bm25s.BM25", "Stemmer.Stemmer", "rag_baseline.prompting.library.Library"):
            named(name)

    def build(self, paragraphs: Sequence[Paragraph]) -> dict[str, Search]:
        """With vectors and words kept in a cache folder, as in a run."""
        from advisor.schema.evaluation import Document  # noqa: PLC0415
        from advisor.tools import Tools  # noqa: PLC0415
        from rag_baseline.prompting.library import Library  # noqa: PLC0415
        from rag_baseline.prompting.rag_options import RagOptions  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp())
        tools = Tools(seed=0, instruction="", cache_dir=folder, embedder=self._embedder())
        library = Library([Document(name=p.name, text=p.text) for p in paragraphs], tools)
        made = {way: library.retriever(RagOptions(search=way)) for way in ("hybrid", "dense")}
        return {way: self._search(one) for way, one in made.items()}

    def _embedder(self) -> Any:
        """A new one every time: the run's embedder never embeds a text twice."""
        return named("advisor.embedding.run_embedder")(self._model, None, None)

    def _search(self, retriever: Any) -> Search:
        return lambda query: [hit.passage.document for hit in retriever.search(query, DEPTH)]


class Bare:
    """sentence-transformers and FAISS alone, over passages that were cut before the clock runs."""

    def __init__(self, model: str, cut: str) -> None:
        model_of = named("sentence_transformers.SentenceTransformer")
        self._model = model_of(model, local_files_only=True, device="cpu")
        self._cut = cut
        self._passages: list[tuple[str, str]] = []

    def prepare(self, paragraphs: Sequence[Paragraph]) -> None:
        """The passages that ours embeds."""
        from advisor.schema.evaluation import Document  # noqa: PLC0415
        from rag_baseline.chunking.chunk import Passages  # noqa: PLC0415

        tokenizer = self._model.tokenizer.backend_tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        documents = [Document(name=p.name, text=p.text) for p in paragraphs]
        cut = Passages(documents, tokens=TOKENS, overlap=OVERLAP, tokenizer=tokenizer)
        self._passages = [(passage.document, passage.text) for passage in cut]

    def build(self, paragraphs: Sequence[Paragraph]) -> dict[str, Search]:  # noqa: ARG002
        """A flat index of inner products."""
        faiss = importlib.import_module("faiss")
        names = [name for name, _ in self._passages]
        rows = self._encoded([text for _, text in self._passages])
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)

        def dense(query: str) -> list[str]:
            _, found = index.search(self._encoded([query]), DEPTH)
            return [names[at] for at in found[0]]

        return {"dense": dense}

    def _encoded(self, texts: list[str]) -> Any:
        return self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )


class LlamaIndex:
    """VectorStoreIndex and its BM25 retriever, fused by its QueryFusionRetriever."""

    def __init__(self, model: str, cut: str) -> None:
        self._cut = cut
        embedding = named("llama_index.embeddings.huggingface.HuggingFaceEmbedding")
        self._embedder = embedding(model, embed_batch_size=BATCH, device="cpu")
        self._embedder.get_text_embedding("warm")
        named("llama_index.retrievers.bm25.BM25Retriever")

    def build(self, paragraphs: Sequence[Paragraph]) -> dict[str, Search]:
        """Nodes, vectors, words."""
        document = named("llama_index.core.Document")
        documents = [document(text=p.text, doc_id=p.name) for p in paragraphs]
        nodes = self._splitter().get_nodes_from_documents(documents)
        index = named("llama_index.core.VectorStoreIndex")(nodes, embed_model=self._embedder)
        dense = index.as_retriever(similarity_top_k=DEPTH)
        words = named("llama_index.retrievers.bm25.BM25Retriever").from_defaults(
            nodes=nodes,
            similarity_top_k=min(DEPTH, len(nodes)),
            stemmer=named("Stemmer.Stemmer")("english"),
            language="english",
        )
        made = {
            "dense": dense,
            "bm25": words,
            "hybrid": self._fused([dense, words], "reciprocal_rerank"),
            "hybrid_scores": self._fused([dense, words], "relative_score"),
        }
        return {name: self._search(one) for name, one in made.items()}

    def _search(self, retriever: Any) -> Search:
        return lambda query: [hit.node.ref_doc_id for hit in retriever.retrieve(query)]

    def _fused(self, parts: list[Any], mode: str) -> Any:
        return named("llama_index.core.retrievers.QueryFusionRetriever")(
            parts,
            llm=named("llama_index.core.llms.MockLLM")(),
            mode=mode,
            similarity_top_k=DEPTH,
            num_queries=1,
            use_async=False,
        )

    def _splitter(self) -> Any:
        splitter = named("llama_index.core.node_parser.SentenceSplitter")
        if self._cut == "own":
            return splitter()
        encode = self._embedder._model.tokenizer.encode  # noqa: SLF001 - it has no other door
        return splitter(
            chunk_size=TOKENS,
            chunk_overlap=OVERLAP,
            tokenizer=lambda text: encode(text, add_special_tokens=False),
        )


class LangChain:
    """Its text splitter, its FAISS store, its BM25 and its EnsembleRetriever."""

    def __init__(self, model: str, cut: str) -> None:
        self._cut = cut
        self._embedder = named("langchain_huggingface.HuggingFaceEmbeddings")(
            model_name=model,
            model_kwargs={"device": "cpu"},
            encode_kwargs={"normalize_embeddings": True, "batch_size": BATCH},
        )
        self._embedder.embed_query("warm")
        for part in ("vectorstores.FAISS", "retrievers.BM25Retriever"):
            named(f"langchain_community.{part}")

    def build(self, paragraphs: Sequence[Paragraph]) -> dict[str, Search]:
        """Documents, vectors, words."""
        document = named("langchain_core.documents.Document")
        documents = [document(page_content=p.text, metadata={"name": p.name}) for p in paragraphs]
        pieces = self._splitter().split_documents(documents)
        store = named("langchain_community.vectorstores.FAISS")
        dense = store.from_documents(pieces, self._embedder).as_retriever(
            search_kwargs={"k": DEPTH}
        )
        words = named("langchain_community.retrievers.BM25Retriever").from_documents(
            pieces, k=DEPTH
        )
        both = named("langchain_classic.retrievers.EnsembleRetriever")(
            retrievers=[dense, words], weights=[0.5, 0.5]
        )
        made = {"dense": dense, "bm25": words, "hybrid": both}
        return {name: self._search(one) for name, one in made.items()}

    def _search(self, retriever: Any) -> Search:
        return lambda query: [hit.metadata["name"] for hit in retriever.invoke(query)]

    def _splitter(self) -> Any:
        splitter = named("langchain_text_splitters.RecursiveCharacterTextSplitter")
        if self._cut == "own":
            return splitter()
        return splitter.from_huggingface_tokenizer(
            self._embedder._client.tokenizer,  # noqa: SLF001 - it has no other door
            chunk_size=TOKENS,
            chunk_overlap=OVERLAP,
        )


def named(path: str) -> Any:
    """What stands under a dotted name; rivals are imported where they are installed only."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


CONTESTANTS: dict[str, Any] = {
    "ours": Ours,
    "bare": Bare,
    "llama_index": LlamaIndex,
    "langchain": LangChain,
}


def bout(contestant: Contestant, squad: Squad, round_number: int, questions: int) -> dict[str, Any]:
    """Build once and ask; in the first round all questions that count, for the ranks."""
    clock = Clock()
    ways = contestant.build(squad.paragraphs)
    seconds, cpu_seconds = clock.read()
    asked = [question for question in squad.questions if question.is_answerable]
    asked = asked[:: max(1, len(asked) // questions)] if questions else asked
    timed = asked[round_number % 3 :: max(3, len(asked) // TIMED)][:TIMED]
    found: dict[str, Any] = {
        "build": {"wall": seconds, "cpu": cpu_seconds},
        "query_ms": {
            way: _milliseconds(search, [q.text for q in timed[at :: len(ways)]])
            for at, (way, search) in enumerate(ways.items())
        },
    }
    if round_number == 0:
        found["ranks"] = {
            way: [_rank(search(q.text), squad.paragraphs[q.paragraph].name) for q in asked]
            for way, search in ways.items()
        }
    return found


def _milliseconds(search: Search, questions: Sequence[str]) -> dict[str, float]:
    """Median per question."""
    times = []
    for question in questions:
        clock = Clock()
        search(question)
        times.append(clock.read())
    return {
        name: 1e3 * statistics.median(each[at] for each in times)
        for at, name in enumerate(("wall", "cpu"))
    }


class Clock:
    """Wall seconds, and CPU seconds of this process: these hardly change when others are busy."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds since it was made."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def _rank(names: list[str], right: str) -> int | None:
    return names.index(right) + 1 if right in names else None


def main() -> int:
    """Load, then one bout per line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=sorted(CONTESTANTS))
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--cut", choices=("same", "own"), default="same")
    parser.add_argument("--questions", type=int, default=0, help="about so many; 0: all")
    chosen = parser.parse_args()
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        squad = Squad.read(chosen.squad)
        contestant = CONTESTANTS[chosen.name](chosen.model, chosen.cut)
        if isinstance(contestant, Bare):
            contestant.prepare(squad.paragraphs)
        print("ready", file=out, flush=True)
        for at, _ in enumerate(sys.stdin):
            print(json.dumps(bout(contestant, squad, at, chosen.questions)), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
