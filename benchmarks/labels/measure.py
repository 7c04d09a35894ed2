"""What labels alone bring on BANKING77: classifier, neighbours, shots; writes results/labels.json.

    python benchmarks/labels/measure.py [--missing] [--data FOLDER] [--vectors FOLDER] [--out FILE]

`FOLDER` holds train.csv and test.csv with the columns text and category (default: data/banking77
in the evidence folder, which ADVISOR_SHARED names). Every text is embedded once into `--vectors`
(default: a temporary folder) and read from there a second time: both times are in the result.

Nothing is chosen on the test part: penalty and number of neighbours come from the train part
(cross-validation, leaving one out), and so did the classifier's usual penalty.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.contracts import Configurable, Predictor  # noqa: E402
from advisor.embedding import KeptEmbedder  # noqa: E402
from advisor.tools import Tools  # noqa: E402
from benchmarks.labels import accuracy, embedded, shots  # noqa: E402
from benchmarks.labels.rows import Rows, read  # noqa: E402
from rag_baseline.predicting.neighbour import nearest  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "labels.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
PACKAGES = ("finetune-advisor", "scikit-learn", "sentence-transformers", "numpy", "torch")
Result = TypeVar("Result")
PREDICTORS = ("embedding_classifier", "nearest_neighbour", "majority")
SYSTEMS = ("embedding_classifier", "nearest_neighbour")


def seconds_of(call: Callable[[], Result]) -> tuple[Result, float]:
    """What a call gives, and how long it took."""
    began = time.perf_counter()
    return call(), round(time.perf_counter() - began, 1)


def told(what: str, began: float) -> None:
    """A line on what is done, for whoever watches."""
    print(f"{time.perf_counter() - began:6.1f} s  {what}", file=sys.stderr, flush=True)


def predictor(name: str) -> Predictor:
    """The predictor of that name, told that targets are labels where it would look."""
    found = registry.predictor(name)
    if name == "embedding_classifier" and isinstance(found, Configurable):
        return found.configured({"targets": "labels"})
    return found


def vectors(texts: list[str], folder: Path) -> tuple[KeptEmbedder, dict[str, float | None]]:
    """The embedder with every text embedded, and the seconds of that and of reading them again.

    The first is None where a folder with vectors was given.
    """
    is_kept = any(folder.rglob("*.npy"))
    embedder = KeptEmbedder(registry.embedder("sentence_transformers"), folder)
    _, first = seconds_of(lambda: embedder.array(texts))
    embedder.close()
    again = KeptEmbedder(registry.embedder("sentence_transformers"), folder)
    _, second = seconds_of(lambda: again.array(texts))
    return again, {"embedding_seconds": None if is_kept else first, "kept_vectors_seconds": second}


def whole(rows: Rows, tools: Tools) -> dict[str, Any]:
    """Every predictor with all labels."""
    found: dict[str, Any] = {}
    for name in PREDICTORS:
        system = predictor(name)
        table, seconds = seconds_of(
            lambda system=system: accuracy.right(system, rows.train, rows.test, tools)  # type: ignore[misc]
        )
        settings = {k: v for k, v in getattr(system, "settings", {}).items() if k != "embedder"}
        found[name] = {**accuracy.share(table[None, :]), "seconds": seconds, "settings": settings}
    return found


def chosen_shots(rows: Rows, tools: Tools) -> dict[str, Any]:
    """Similar against random shots, in a vote and by the embedded model."""
    train = tools.embedder.array([sample.input for sample in rows.train])  # type: ignore[attr-defined]
    test = tools.embedder.array([sample.input for sample in rows.test])  # type: ignore[attr-defined]
    labels = [sample.target for sample in rows.train]
    truth = [sample.target for sample in rows.test]
    similar = shots.by_similar(train, labels, test, truth)
    drawn = shots.by_random(train, labels, test, truth)
    count = min(embedded.QUESTIONS, len(rows.test))
    places = sorted(random.Random(0).sample(range(len(rows.test)), count))  # noqa: S311 - no secret
    return {
        "similar": similar,
        "random": drawn,
        "random_shots_worth_as_much": {
            asked: shots.equivalents(similar[asked], drawn[asked]) for asked in similar
        },
        "most_random_shots_tried": max(map(int, drawn["vote"])),
        "embedded_model": embedded.answers(
            rows, nearest(train, test[places], embedded.SHOTS), places
        ),
    }


def measure(rows: Rows, folder: Path) -> dict[str, Any]:
    """All figures of the result."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    texts = [sample.input for part in rows for sample in part]
    embedder, seconds = vectors(texts, folder)
    told("vectors", began)
    tools = Tools(seed=0, instruction="", cache_dir=folder, embedder=embedder)
    figures: dict[str, Any] = {"all_labels": whole(rows, tools), "curve_per_label": {}}
    told("all labels", began)
    for name in SYSTEMS:
        figures["curve_per_label"][name] = accuracy.curve(predictor(name), rows, tools)
        told(f"curve of {name}", began)
    figures["shots"] = chosen_shots(rows, tools)
    told("shots", began)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "train": len(rows.train),
        "test": len(rows.test),
        "labels": len({sample.target for sample in rows.train}),
        "intervals": "95 %, bootstrap over choices of labels and test samples",
        **seconds,
        "wall_seconds": round(time.perf_counter() - began, 1),
        **figures,
    }


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "banking77")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    if not (chosen.data / "train.csv").is_file():
        print(f"{chosen.out.name}: not measured, there is no train.csv (--data FOLDER)")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        document = measure(read(chosen.data), chosen.vectors or Path(scratch))
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    best = document["all_labels"]["embedding_classifier"]["accuracy"]
    print(f"all labels: {best:.1%} right; {document['wall_seconds']} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
