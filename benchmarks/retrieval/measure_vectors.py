"""How the dense index does at 6 thousand, 100 thousand and a million vectors.

    python benchmarks/retrieval/measure_vectors.py [--missing] [--million] [--data FOLDER]

Writes benchmarks/results/retrieval_vectors.json; --million adds the part of some minutes, and
without it that part of an earlier result is kept. Vectors are MiniLM embeddings of bank questions
and encyclopedia sentences and, beyond these, copies moved at random. Queries are embeddings of
other questions; nothing was chosen by them (the manner of drawing probes was chosen on yet other
ones). Building and searching run in processes of their own, so that memory is theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.vector_runs import nearest_rows  # noqa: E402
from benchmarks.retrieval.vectors import JITTER, Corpus, real_vectors  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "retrieval_vectors.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
MEMORY_IS = (
    "above what there was before the part began: *_memory_mib is anonymous pages alone, "
    "*_resident_mib counts pages of mapped files too. Where the latter is missing it was not "
    "measured; mapped files are at most files_mib more, and searching is quick while they are in "
    "memory"
)
RUNS = Path(__file__).with_name("vector_runs.py")
KINDS = ("auto", "exact", "hnsw", "ivf", "ivfpq")
MANY, MILLION = 100_000, 1_000_000


def main() -> int:
    """Measure every size and kind, or say that it has been done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--million", action="store_true", help="also a million vectors")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    chosen = parser.parse_args()
    if chosen.missing and RESULT.is_file():
        print(f"{RESULT.name}: already measured")
        return 0
    if not chosen.data.is_dir():
        print(f"{RESULT.name}: the data is not here ({chosen.data})")
        return 0
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        document = measured(Path(folder), chosen.data, with_million=chosen.million)
    if not chosen.million and "million" in kept:
        document["million"] = kept["million"]
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document))
    return 0


def measured(folder: Path, data: Path, *, with_million: bool) -> dict[str, Any]:
    """Everything the result file holds."""
    found = real_vectors(data)
    np.save(folder / "real.npy", found.indexed)
    np.save(folder / "queries.npy", found.queries)
    real = len(found.indexed)
    document: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("faiss-cpu", "numpy")},
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "real_vectors": real,
        "queries": len(found.queries),
        "dimensions": int(found.indexed.shape[1]),
        "jitter": JITTER,
        "recall_is": "share of the 10 nearest by comparing everything, mean over the queries",
        "memory_is": MEMORY_IS,
        "real_alone": sizes(folder, real, [kind for kind in KINDS if kind != "auto"]),
        "hundred_thousand": sizes(folder, MANY, KINDS),
    }
    if with_million:
        document["million"] = sizes(folder, MILLION, ["auto"])
    return document


def sizes(folder: Path, size: int, kinds: Any) -> dict[str, Any]:
    """One size with several kinds, against the same true neighbours."""
    queries = np.load(folder / "queries.npy")
    corpus = Corpus(np.load(folder / "real.npy"), size)
    np.save(folder / "truth.npy", nearest_rows(corpus, queries, 10))
    found: dict[str, Any] = {
        "measured": datetime.now(UTC).date().isoformat(),
        "vectors": size,
        "kinds": {},
    }
    for kind in kinds:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            build = _run("build", folder, Path(cache), kind, size)
            search = _run("search", folder, Path(cache), kind, size)
        found["kinds"][kind] = {**build, **search}
        print(kind, size, json.dumps(found["kinds"][kind]), file=sys.stderr, flush=True)
    return found


def _run(part: str, folder: Path, cache: Path, kind: str, size: int) -> dict[str, Any]:
    """One part in a process of its own, with the load that the machine bore at its begin."""
    load = round(os.getloadavg()[0], 1)
    command = [sys.executable, str(RUNS), part, str(folder), str(cache), kind, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, f"{part}_load": load}


if __name__ == "__main__":
    sys.exit(main())
