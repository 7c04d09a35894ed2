"""One way from documents to hits, in a process of its own: builds and searches when told to.

    python benchmarks/retrieval/contestant.py NAME --squad FILE --model FOLDER [--manner same|own]

For every line `time` on standard input it builds its index anew, at each of its batch sizes, asks
some questions one at a time, and prints one line of JSON with seconds and milliseconds. For a line
`rank` it asks all questions and prints the rank of the right paragraph for each, by way of
searching. Libraries and model are loaded before the first line is read. `same`: passages of 150
tokens with an overlap of 20, as the builder `rag` has them, and words in lower case, without stop
words, stemmed; `own`: cut, batch and words as the library has them by default.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.squad import Paragraph, Question, Squad  # noqa: E402

TOKENS, OVERLAP = 150, 20
BATCHES = (16, 32)
"""Texts embedded at once: bare FAISS by both, the quicker counts; rivals by the first, which is the
quickest of this model on a CPU (benchmarks/results/embedding.json), or by their default."""
OWN = "own default"
DEPTH = 10
TIMED = 150
"""Questions timed in a bout: half of them by meaning alone, the others in every other way."""
WORD = re.compile(r"\b\w\w+\b")
Search = Callable[[str], list[str]]
"""From a question to names of documents, best first."""


class Contestant(Protocol):
    """Builds an index of paragraphs and gives its ways of searching."""

    batches: tuple[int | None, ...]
    """Sizes that it is built with; None is its own."""

    def build(self, paragraphs: Sequence[Paragraph], batch: int | None) -> dict[str, Search]:
        """From texts to ways of searching, by name."""

    def remember(self, questions: Sequence[str]) -> None:
        """Embed questions of the last build together, so that ranks take less time."""


class Ours:
    """The builder `rag`: cut, embed, index, fuse."""

    batches = (None,)

    def __init__(self, model: str, manner: str) -> None:  # noqa: ARG002 - ours has one manner
        self._model = model
        self._kept = tempfile.TemporaryDirectory()
        self._made: dict[str, Any] = {}
        self._embedder(None).embed(["warm"])
        for name in ("bm25s.BM25", "Stemmer.Stemmer", "rag_baseline.prompting.library.Library"):
            named(name)

    def build(self, paragraphs: Sequence[Paragraph], batch: int | None) -> dict[str, Search]:  # noqa: ARG002
        """With vectors, index and words kept in fresh folders, as in the first run of a task."""
        from advisor.schema.evaluation import Document  # noqa: PLC0415
        from advisor.tools import Tools  # noqa: PLC0415
        from rag_baseline.prompting.library import Library  # noqa: PLC0415
        from rag_baseline.prompting.rag_options import RagOptions  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp(dir=self._kept.name))
        embedder = self._embedder(folder / "vectors")
        tools = Tools(seed=0, instruction="", cache_dir=folder / "index", embedder=embedder)
        library = Library([Document(name=p.name, text=p.text) for p in paragraphs], tools)
        self._made = {way: library.retriever(RagOptions(search=way)) for way in ("hybrid", "dense")}
        return {way: self._search(one) for way, one in self._made.items()}

    def remember(self, questions: Sequence[str]) -> None:
        """As an evaluation does it."""
        for retriever in self._made.values():
            named("rag_baseline.prompting.library.prepare")(retriever, questions)

    def _embedder(self, folder: Path | None) -> Any:
        """A new one every time: the run's embedder never embeds a text twice."""
        return named("advisor.embedding.run_embedder")(self._model, None, folder)

    def _search(self, retriever: Any) -> Search:
        return lambda query: [hit.passage.document for hit in retriever.search(query, DEPTH)]


class Bare:
    """sentence-transformers and FAISS alone, over passages that were cut before the clock runs."""

    batches = BATCHES

    def __init__(self, model: str, manner: str) -> None:  # noqa: ARG002 - it has one manner
        model_of = named("sentence_transformers.SentenceTransformer")
        self._model = model_of(model, local_files_only=True, device="cpu")
        self._passages: list[tuple[str, str]] = []
        self._vectors: dict[str, Any] = {}

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

    def build(self, paragraphs: Sequence[Paragraph], batch: int | None) -> dict[str, Search]:  # noqa: ARG002
        """A flat index of inner products."""
        faiss = importlib.import_module("faiss")
        names = [name for name, _ in self._passages]
        rows = self._encoded([text for _, text in self._passages], batch)
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)

        def dense(query: str) -> list[str]:
            vector = self._vectors.get(query)
            rows = self._encoded([query], batch) if vector is None else vector[None]
            _, found = index.search(rows, DEPTH)
            return [names[at] for at in found[0]]

        return {"dense": dense}

    def remember(self, questions: Sequence[str]) -> None:
        """In one call."""
        rows = self._encoded(list(questions), BATCHES[0])
        self._vectors = dict(zip(questions, rows, strict=True))

    def _encoded(self, texts: list[str], batch: int | None) -> Any:
        return self._model.encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )


class LlamaIndex:
    """VectorStoreIndex and its BM25 retriever, fused by its QueryFusionRetriever."""

    def __init__(self, model: str, manner: str) -> None:
        self._manner = manner
        self.batches = (None,) if manner == "own" else BATCHES[:1]
        embedding = named("llama_index.embeddings.huggingface.HuggingFaceEmbedding")
        self._embedder = embedding(model, device="cpu")
        self._embedder.get_text_embedding("warm")
        self._vectors: dict[str, list[float]] = {}
        named("llama_index.retrievers.bm25.BM25Retriever")

    def build(self, paragraphs: Sequence[Paragraph], batch: int | None) -> dict[str, Search]:
        """Nodes, vectors, words."""
        if batch is not None:
            self._embedder.embed_batch_size = batch
        document = named("llama_index.core.Document")
        documents = [document(text=p.text, doc_id=p.name) for p in paragraphs]
        nodes = self._splitter().get_nodes_from_documents(documents)
        index = named("llama_index.core.VectorStoreIndex")(nodes, embed_model=self._embedder)
        dense = index.as_retriever(similarity_top_k=DEPTH)
        as_ours = {"stemmer": named("Stemmer.Stemmer")("english"), "language": "english"}
        words = named("llama_index.retrievers.bm25.BM25Retriever").from_defaults(
            nodes=nodes,
            similarity_top_k=min(DEPTH, len(nodes)),
            **({} if self._manner == "own" else as_ours),
        )
        made = {
            "dense": dense,
            "bm25": words,
            "hybrid": self._fused([dense, words], "reciprocal_rerank"),
            "hybrid_scores": self._fused([dense, words], "relative_score"),
        }
        return {name: self._search(one) for name, one in made.items()}

    def remember(self, questions: Sequence[str]) -> None:
        """A query may bring its vector."""
        rows = self._embedder.get_text_embedding_batch(list(questions))
        self._vectors = dict(zip(questions, rows, strict=True))

    def _search(self, retriever: Any) -> Search:
        bundle = named("llama_index.core.QueryBundle")

        def search(query: str) -> list[str]:
            known = self._vectors.get(query)
            asked = query if known is None else bundle(query, embedding=known)
            return [hit.node.ref_doc_id for hit in retriever.retrieve(asked)]

        return search

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
        if self._manner == "own":
            return splitter()
        encode = self._embedder._model.tokenizer.encode  # noqa: SLF001 - it has no other door
        return splitter(
            chunk_size=TOKENS,
            chunk_overlap=OVERLAP,
            tokenizer=lambda text: encode(text, add_special_tokens=False),
        )


class LangChain:
    """Its text splitter, its FAISS store, its BM25 and its EnsembleRetriever."""

    def __init__(self, model: str, manner: str) -> None:
        self._manner = manner
        self.batches = (None,) if manner == "own" else BATCHES[:1]
        self._embedder = named("langchain_huggingface.HuggingFaceEmbeddings")(
            model_name=model,
            model_kwargs={"device": "cpu"},
            encode_kwargs={"normalize_embeddings": True},
        )
        self._embedder.embed_query("warm")
        self._store: Any = None
        for part in ("vectorstores.FAISS", "retrievers.BM25Retriever"):
            named(f"langchain_community.{part}")

    def build(self, paragraphs: Sequence[Paragraph], batch: int | None) -> dict[str, Search]:
        """Documents, vectors, words."""
        if batch is not None:
            self._embedder.encode_kwargs["batch_size"] = batch
        document = named("langchain_core.documents.Document")
        documents = [document(page_content=p.text, metadata={"name": p.name}) for p in paragraphs]
        pieces = self._splitter().split_documents(documents)
        made_of = named("langchain_community.vectorstores.FAISS").from_documents
        self._store = made_of(pieces, self._embedder)
        dense = self._store.as_retriever(search_kwargs={"k": DEPTH})
        words = named("langchain_community.retrievers.BM25Retriever").from_documents(
            pieces, k=DEPTH, **({} if self._manner == "own" else {"preprocess_func": stems()})
        )
        both = named("langchain_classic.retrievers.EnsembleRetriever")(
            retrievers=[dense, words], weights=[0.5, 0.5]
        )
        made = {"dense": dense, "bm25": words, "hybrid": both}
        return {name: self._search(one) for name, one in made.items()}

    def remember(self, questions: Sequence[str]) -> None:
        """Its store may ask a function for a query's vector."""
        rows = self._embedder.embed_documents(list(questions))
        self._store.embedding_function = dict(zip(questions, rows, strict=True)).__getitem__

    def _search(self, retriever: Any) -> Search:
        return lambda query: [hit.metadata["name"] for hit in retriever.invoke(query)]

    def _splitter(self) -> Any:
        splitter = named("langchain_text_splitters.RecursiveCharacterTextSplitter")
        if self._manner == "own":
            return splitter()
        return splitter.from_huggingface_tokenizer(
            self._embedder._client.tokenizer,  # noqa: SLF001 - it has no other door
            chunk_size=TOKENS,
            chunk_overlap=OVERLAP,
        )


def stems() -> Callable[[str], list[str]]:
    """Lower case, without stop words, stemmed: what LlamaIndex's word search does to a text."""
    stop = frozenset(named("bm25s.stopwords.STOPWORDS_EN"))
    stem = named("Stemmer.Stemmer")("english").stemWords
    return lambda text: stem([word for word in WORD.findall(text.lower()) if word not in stop])


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


def timed(contestant: Contestant, squad: Squad, number: int) -> dict[str, Any]:
    """Build at every batch size and ask; every contestant is asked the same in the same way."""
    built = {}
    ways: dict[str, Search] = {}
    for batch in contestant.batches[:: -1 if number % 2 else 1]:
        clock = Clock()
        ways = contestant.build(squad.paragraphs, batch)
        wall, cpu = clock.read()
        built[str(batch or OWN)] = {"wall": wall, "cpu": cpu}
    asked = answerable(squad)[number % 4 :: 4][:TIMED]
    half = {way: asked[::2] if way == "dense" else asked[1::2] for way in ways}
    return {
        "build": built,
        "query_ms": {
            way: _milliseconds(search, [q.text for q in half[way]]) for way, search in ways.items()
        },
    }


def ranked(contestant: Contestant, squad: Squad) -> dict[str, list[int | None]]:
    """The rank of the right paragraph for every question that has an answer, by way."""
    ways = contestant.build(squad.paragraphs, contestant.batches[0])
    contestant.remember(list(dict.fromkeys(q.text for q in answerable(squad))))
    return {
        way: [_rank(search(q.text), squad.paragraphs[q.paragraph].name) for q in answerable(squad)]
        for way, search in ways.items()
    }


def answerable(squad: Squad) -> list[Question]:
    """The questions that count."""
    return [question for question in squad.questions if question.is_answerable]


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
    """Load, then one answer per line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=sorted(CONTESTANTS))
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--manner", choices=("same", "own"), default="same")
    chosen = parser.parse_args()
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        squad = Squad.read(chosen.squad)
        contestant = CONTESTANTS[chosen.name](chosen.model, chosen.manner)
        if isinstance(contestant, Bare):
            contestant.prepare(squad.paragraphs)
        print("ready", file=out, flush=True)
        bouts = 0
        for line in sys.stdin:
            if line.strip() == "rank":
                told: Any = ranked(contestant, squad)
            else:
                told = timed(contestant, squad, bouts)
                bouts += 1
            print(json.dumps(told), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
