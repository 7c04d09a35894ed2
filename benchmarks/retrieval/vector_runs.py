"""Builds one index, or opens, searches and changes it; prints what it cost as JSON.

python benchmarks/retrieval/vector_runs.py build|search FOLDER CACHE KIND SIZE
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.vectors import Corpus, Numbered, ReadyEmbedder  # noqa: E402
from rag_baseline.vectors.index import FaissRetriever  # noqa: E402

MIB = 2**20
MORE = 1000


def main() -> int:
    """Do one part."""
    part, folder, cache, kind, size = sys.argv[1:]
    run = Run(Path(folder), Path(cache), kind, int(size))
    print(json.dumps(run.build() if part == "build" else run.search()))
    return 0


class Run:
    """One kind of index over so many vectors."""

    def __init__(self, folder: Path, cache: Path, kind: str, size: int) -> None:
        self.size = size
        self.cache = cache
        self.queries = np.load(folder / "queries.npy")
        self.truth = np.load(folder / "truth.npy")
        corpus = Corpus(np.load(folder / "real.npy"), size + MORE)
        embedder = ReadyEmbedder(corpus, self.queries)
        self.retriever = FaissRetriever(embedder, cache).configured({"kind": kind})
        self.retriever.search("nothing is indexed yet", 1)
        self.asked = [f"q{number}" for number in range(len(self.queries))]

    def build(self) -> dict[str, Any]:
        """Index everything and store it."""
        with Memory() as memory:
            began = time.perf_counter()
            self.retriever.index(Numbered(0, self.size))
            seconds = time.perf_counter() - began
        files = sum(path.stat().st_size for path in self.cache.rglob("*") if path.is_file())
        facts = self.retriever.report
        names = ("kind", "parameters", "recall_stated", "recall_at_10")
        return {
            **{name: facts[name] for name in names},
            "build_seconds": round(seconds, 2),
            "build_memory_mib": memory.anonymous,
            "build_resident_mib": memory.resident,
            "files_mib": round(files / MIB, 1),
        }

    def search(self) -> dict[str, Any]:
        """Open what was stored, search it, add to it and take a document out."""
        with Memory() as memory:
            began = time.perf_counter()
            self.retriever.index(Numbered(0, self.size))
            opened = time.perf_counter() - began
            self.retriever.prepare(self.asked)
            self._searched(self.asked[:50])
            searched = self._searched(self.asked)
        result = {
            "open_seconds": round(opened, 2),
            "open_of_it_seconds": self.retriever.report["seconds"],
            "search_memory_mib": memory.anonymous,
            "search_resident_mib": memory.resident,
            "recall_of_real_queries": self._recall(searched.hits),
            "search_ms": _percentiles(searched.milliseconds),
            "search_cpu_ms": _percentiles(searched.cpu_milliseconds),
        }
        return {**result, **self._changes()}

    def _searched(self, asked: list[str]) -> Searched:
        """Every query alone, as a user's questions come; their vectors are there already."""
        found = Searched([], [], [])
        for query in asked:
            began, busy = time.perf_counter(), time.process_time()
            hits = self.retriever.search(query, 10)
            found.milliseconds.append(1000 * (time.perf_counter() - began))
            found.cpu_milliseconds.append(1000 * (time.process_time() - busy))
            found.hits.append([int(hit.passage.text) for hit in hits])
        return found

    def _recall(self, hits: list[list[int]]) -> float:
        shares = [
            len(set(found) & set(true)) / len(true)
            for found, true in zip(hits, self.truth.tolist(), strict=True)
        ]
        return round(sum(shares) / len(shares), 4)

    def _changes(self) -> dict[str, Any]:
        began = time.perf_counter()
        self.retriever.add(Numbered(self.size, MORE))
        added = time.perf_counter() - began
        hits = self._searched(self.asked).hits
        began = time.perf_counter()
        removed = self.retriever.remove("document-3")
        gone = time.perf_counter() - began
        left = self.retriever.search_where("q0", 10, {"document": "document-3"})
        return {
            "add_1000_seconds": round(added, 2),
            "added_found": sum(row >= self.size for found in hits for row in found),
            "remove_document_seconds": round(gone, 2),
            "removed_passages": removed,
            "removed_found": len(left),
        }


class Searched(NamedTuple):
    """Rows that were found per query, and what each query took."""

    hits: list[list[int]]
    milliseconds: list[float]
    cpu_milliseconds: list[float]
    """Of all threads: what it would take on a machine with nothing else to do, or less."""


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{at}": round(float(np.percentile(values, at)), 2) for at in (50, 95)}


class Memory:
    """Most memory above what there was at the begin, in MiB, looked at all the time.

    `anonymous` leaves out pages of mapped files, which the system takes back when it needs them;
    `resident` counts them too: that much memory serves a search at its full speed.
    """

    def __init__(self) -> None:
        self.anonymous = self.resident = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._before = _bytes("RssAnon"), _bytes("VmRSS")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            is_done = self._done.wait(0.02)
            anonymous, resident = self._before
            self.anonymous = max(self.anonymous, _mib(_bytes("RssAnon") - anonymous))
            self.resident = max(self.resident, _mib(_bytes("VmRSS") - resident))
            if is_done:
                return


def _mib(count: int) -> float:
    return round(count / MIB, 1)


def _bytes(name: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}:")]
    return 1024 * int(line.split()[1])


def nearest_rows(corpus: Corpus, queries: Any, count: int) -> Any:
    """Rows of the nearest vectors by comparing everything, block by block."""
    scores: Any = np.full((len(queries), count), -2, dtype="float32")
    rows: Any = np.full((len(queries), count), -1, dtype="int64")
    start = 0
    for block in corpus.blocks():
        fresh = np.broadcast_to(np.arange(start, start + len(block)), (len(queries), len(block)))
        both = np.concatenate([scores, queries @ block.T], axis=1)
        numbers = np.concatenate([rows, fresh], axis=1)
        best = np.argpartition(-both, count, axis=1)[:, :count]
        scores = np.take_along_axis(both, best, axis=1)
        rows = np.take_along_axis(numbers, best, axis=1)
        start += len(block)
    return rows


if __name__ == "__main__":
    sys.exit(main())
