"""What tuning an encoder adds to the classifier on embeddings; writes results/labels_tuned.json.

    python benchmarks/labels/tuned.py [--missing] [--data FOLDER] [--counts 10 50 0] [--out FILE]

`FOLDER` as in `measure.py`. `--counts`: train samples of each label, 0 for all. Each way takes the
plan of the recipe `classification-full`; `contrastive` reads two texts a sample and takes half the
epochs. The dev part, which chooses among looks, is drawn from train samples that are not learnt
from; with 0 every twentieth is kept for it. Nothing is chosen on the test part. The bundled task
`tickets` is measured by the queue that its lines begin with.
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
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.catalog.query import reference  # noqa: E402
from advisor.contracts import Configurable  # noqa: E402
from advisor.formats.readers import read_dataset  # noqa: E402
from advisor.resources import bundled_tasks_root  # noqa: E402
from advisor.schema.evaluation import Message, Prompt, Sample  # noqa: E402
from advisor.schema.plan import Plan  # noqa: E402
from advisor.schema.train import TrainJob  # noqa: E402
from advisor.tools import Tools  # noqa: E402
from benchmarks.labels.rows import read, some_of_each  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "labels_tuned.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
PACKAGES = ("finetune-advisor", "scikit-learn", "sentence-transformers", "torch", "transformers")
WAYS = ("head", "encoder", "contrastive")
MOST_DEV = 500
EVERY = 20
LONGEST = 64
"""Tokens of a text; one in a thousand has more."""


def plan(way: str, encoder: str) -> Plan:
    """The recipe for all weights of an encoder, in this way."""
    recipes = {recipe.id: recipe for recipe in reference().recipes}
    own = recipes["classification-full"].settings
    fields = {key: setting.value for key, setting in own.items()}
    fields["epochs"] = float(fields["epochs"]) / (2 if way == "contrastive" else 1)
    usual = {
        "model": encoder,
        "objective": "classification",
        "method": "full",
        "precision": "float32",
        "base_bits": 32,
        "sequence_length": LONGEST,
        "gpu": "local",
        "method_options": {"way": way},
    }
    return Plan.model_validate(usual | fields)


def dev_part(train: Sequence[Sample], learnt: Sequence[Sample]) -> list[Sample]:
    """Train samples that are not learnt from, at most so many."""
    used = {sample.id for sample in learnt}
    rest = [sample for sample in train if sample.id not in used]
    return random.Random(1).sample(rest, min(MOST_DEV, len(rest)))  # noqa: S311 - no secret


def tuned(
    way: str, train: Sequence[Sample], dev: Sequence[Sample], test: Sequence[Sample], folder: Path
) -> dict[str, Any]:
    """Share of test samples that are right, the looks, and the seconds it took."""
    encoder = str(registry.embedder("sentence_transformers").folder)  # type: ignore[attr-defined]
    job = TrainJob(
        plan=plan(way, encoder),
        instruction="",
        train_samples=tuple(train),
        dev_samples=tuple(dev),
        output_dir=str(folder / f"{way}-{len(train)}"),
    )
    tools = Tools(seed=0, instruction="", cache_dir=folder)
    began, used = time.perf_counter(), time.process_time()
    result = registry.trainer("small_model").train(job, tools)
    seconds = time.perf_counter() - began
    cpu = time.process_time() - used
    with registry.backend("small_model").open(result.served_by.model, {}) as session:
        found = session.generate([_prompt(sample) for sample in test], max_new_tokens=1)
    right = sum(a.text == sample.target for a, sample in zip(found, test, strict=True))
    return {
        "accuracy": round(right / len(test), 4),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "steps": result.steps,
        "kept_step": result.kept_step,
        "dev": {point.step: round(point.score or 0.0, 4) for point in result.evaluations},
        "ended_early": result.ended_early,
        "peak_memory_gib": round(result.peak_memory_gib or 0.0, 2),
    }


def _prompt(sample: Sample) -> Prompt:
    return Prompt(sample_id=sample.id, messages=(Message(role="user", content=sample.input),))


def baseline(train: Sequence[Sample], test: Sequence[Sample], folder: Path) -> float:
    """What the classifier on embeddings has right, learnt from the same samples."""
    system = registry.predictor("embedding_classifier")
    if isinstance(system, Configurable):
        system = system.configured({"targets": "labels"})
    tools = Tools(seed=0, instruction="", cache_dir=folder)
    system.fit(train, (), tools)
    found = system.predict(test)
    right = sum(a.text == sample.target for a, sample in zip(found, test, strict=True))
    return round(right / len(test), 4)


def compared(
    train: Sequence[Sample], dev: Sequence[Sample], test: Sequence[Sample], folder: Path
) -> dict[str, Any]:
    """The baseline and every way on the same samples."""
    found: dict[str, Any] = {"train": len(train), "dev": len(dev), "test": len(test)}
    found["embedding_classifier"] = baseline(train, test, folder)
    for way in WAYS:
        found[way] = tuned(way, train, dev, test, folder)
        print(len(train), way, found[way], file=sys.stderr, flush=True)
    return found


def tickets() -> tuple[list[Sample], list[Sample], list[Sample]]:
    """The bundled messages by their queue: train, dev and test."""
    every = read_dataset(bundled_tasks_root() / "tickets" / "data.jsonl").samples
    named = [s.model_copy(update={"target": s.target[1:].split("-")[0]}) for s in every]
    train, dev, test = ([s for s in named if s.split == part] for part in ("train", "dev", "test"))
    return train, dev, test


def measure(data: Path, counts: Sequence[int]) -> dict[str, Any]:
    """All figures of the result."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    rows = read(data)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in counts:
            whole = [sample for place, sample in enumerate(rows.train) if place % EVERY]
            train = some_of_each(rows.train, count, 0) if count else whole
            figures[f"{count or 'all'} of each label"] = compared(
                train, dev_part(rows.train, train), rows.test, Path(scratch)
            )
        queues = compared(*tickets(), Path(scratch))
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "banking77": figures,
        "tickets_by_queue": queues,
        "wall_seconds": round(time.perf_counter() - began, 1),
    }


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "banking77")
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 50, 0])
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    if not (chosen.data / "train.csv").is_file():
        print(f"{chosen.out.name}: not measured, there is no train.csv (--data FOLDER)")
        return 0
    document = measure(chosen.data, chosen.counts)
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name, row in document["banking77"].items():
        told = ", ".join(f"{way} {row[way]['accuracy']:.1%}" for way in WAYS)
        print(f"{name}: embeddings {row['embedding_classifier']:.1%}, {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
