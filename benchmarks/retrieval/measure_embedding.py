"""What embedding and chunking cost; writes benchmarks/results/embedding.json.

    python benchmarks/retrieval/measure_embedding.py [--missing] [--squad FILE] [--rounds 3]
        [--batches 16 32 64] [--megabytes 1 10 50] [--keep-chunking]

The passages of a file in the format of SQuAD are embedded by sentence-transformers alone and by the
run's embedder, which keeps every vector on the disk, and put into an exact FAISS index; each at
several batch sizes, in turns, on one thread. Then 1, 10 and 50 MB of this project's rules and pages
are cut into passages. CPU seconds count, since other work on the machine does not change them much;
wall time stands beside them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.embedding import KeptEmbedder  # noqa: E402
from advisor.schema.evaluation import Document  # noqa: E402
from benchmarks.retrieval.squad import Squad  # noqa: E402
from rag_baseline.chunking.chunk import Passages  # noqa: E402
from rag_baseline.embedding.embed import BATCH, SentenceTransformersEmbedder  # noqa: E402

SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
SQUAD = SHARED / "data" / "squad_v2_sample" / "dev-sample.json"
RESULT = ROOT / "benchmarks" / "results" / "embedding.json"
BATCHES = (16, 32, 64)
PACKAGES = ("sentence-transformers", "torch", "faiss-cpu", "semantic-text-splitter", "tokenizers")
Seconds = dict[str, float]


def documents() -> list[Document]:
    """The rules and pages of this checkout."""
    paths = [*sorted((ROOT / "rules").rglob("*.yaml")), *sorted((ROOT / "docs").rglob("*.md"))]
    return [Document(name=path.name, text=path.read_text(encoding="utf-8")) for path in paths]


def passages_of(squad: Path) -> list[str]:
    """The texts of its paragraphs, cut as the builder `rag` cuts them."""
    found = [Document(name=each.name, text=each.text) for each in Squad.read(squad).paragraphs]
    cut = Passages(found, tokenizer=SentenceTransformersEmbedder().tokenizer)
    return [passage.text for passage in cut]


def timed(work: Callable[[], Any]) -> Seconds:
    """CPU and wall seconds of some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "wall_seconds": round(time.perf_counter() - wall, 2),
    }


def indexed(rows: Any) -> None:
    """An exact index over vectors."""
    import faiss  # noqa: PLC0415 - heavy

    faiss.IndexFlatIP(rows.shape[1]).add(rows)


def builds(texts: list[str], rounds: int, batches: list[int]) -> dict[str, Any]:
    """Embedding and indexing, bare and ours, in turns; medians by batch size."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy

    bare = SentenceTransformer(str(SentenceTransformersEmbedder().folder), local_files_only=True)
    bare.encode(texts[:2])
    SentenceTransformersEmbedder().array(texts[:2])

    def ours(batch: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            embedder = SentenceTransformersEmbedder(batch=batch)
            indexed(KeptEmbedder(embedder, Path(folder)).array(texts))

    def theirs(batch: int) -> None:
        indexed(bare.encode(texts, batch_size=batch, normalize_embeddings=True))

    taken: dict[tuple[str, int], list[Seconds]] = {}
    for _ in range(rounds):
        for batch in batches:
            for name, work in (("bare", theirs), ("ours", ours)):
                taken.setdefault((name, batch), []).append(timed(partial(work, batch)))
    figures: dict[str, Any] = {}
    for batch in batches:
        row = {name: medians(taken[name, batch]) for name in ("bare", "ours")}
        ratio = row["ours"]["cpu_seconds"] / row["bare"]["cpu_seconds"]
        figures[f"batch {batch}"] = {**row, "ours_over_bare_cpu": round(ratio, 3)}
    best = min(row["bare"]["cpu_seconds"] for row in figures.values())
    figures["our_default_over_best_bare_cpu"] = round(
        figures[f"batch {BATCH}"]["ours"]["cpu_seconds"] / best, 3
    )
    return figures


def medians(runs: list[Seconds]) -> Seconds:
    """The median of each figure."""
    return {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}


def cuts(text: str, sizes: list[int]) -> list[dict[str, Any]]:
    """Seconds and passages for texts of several sizes, by characters and by tokens."""
    tokenizer = SentenceTransformersEmbedder().tokenizer
    found = []
    for counted, megabytes in [(c, m) for c in ("characters", "tokens") for m in sizes]:
        size = megabytes * 1_000_000
        whole = Document(name="a.txt", text=(text * (size // len(text) + 1))[:size])
        made: list[Passages] = []
        used = tokenizer if counted == "tokens" else None

        def cut(document: Document, counter: Any, into: list[Passages]) -> None:
            into.append(Passages([document], tokenizer=counter))

        seconds = timed(partial(cut, whole, used, made))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = {"megabytes": megabytes, "counted_in": counted, "passages": len(made[0])}
        found.append({**row, **seconds, "peak_mib_so_far": round(peak)})
    return found


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--squad", type=Path, default=SQUAD)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--megabytes", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--keep-chunking", action="store_true", help="do not cut again")
    chosen = parser.parse_args()
    kept = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {}
    if chosen.missing and kept:
        print(f"{RESULT.name}: already measured")
        return 0
    if not chosen.squad.is_file():
        print(f"{RESULT.name}: left out, the data is not here ({chosen.squad})")
        return 0
    importlib.import_module("torch").set_num_threads(1)
    before = round(os.getloadavg()[0], 1)
    texts = passages_of(chosen.squad)
    index_builds = builds(texts, chosen.rounds, chosen.batches)
    if chosen.keep_chunking:
        chunking = kept["chunking"]
    else:
        chunking = cuts("\n\n".join(each.text for each in documents()), chosen.megabytes)
    told = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [before, round(os.getloadavg()[0], 1)],
        "threads": "1",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "passages": len(texts),
        "rounds": chosen.rounds,
        "index_builds": index_builds,
        "chunking": chunking,
    }
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told["index_builds"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
