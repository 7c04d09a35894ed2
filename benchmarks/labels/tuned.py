"""What tuning an encoder adds to the classifier on embeddings; writes results/labels_tuned.json.

    python benchmarks/labels/tuned.py [--missing] [--data FOLDER] [--counts 10 20 50]
        [--ways encoder] [--every N] [--unseen] [--out FILE]

`FOLDER` as in `measure.py`. `--counts`: train samples of each label, drawn. Each way takes the plan
of the recipe `classification-full-tiny`; `contrastive` reads two texts a sample and takes half the
epochs. The dev part, a quarter as many samples as are learnt from, is drawn from the other train
samples; it chooses among looks, and the baseline is given it too. The recipe's values were chosen
on train samples of half of the labels, and nothing on the test part, of which every n-th sample is
asked (`--every`). With `--unseen` only the other labels are there. Intervals of a gain are paired:
95 %, bootstrap over test samples.
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

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.catalog.query import reference  # noqa: E402
from advisor.contracts import Configurable  # noqa: E402
from advisor.schema.evaluation import Message, Prompt, Sample  # noqa: E402
from advisor.schema.plan import Plan  # noqa: E402
from advisor.schema.train import TrainJob  # noqa: E402
from advisor.tools import Tools  # noqa: E402
from benchmarks.labels.rows import Rows, read, some_of_each  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "labels_tuned.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
PACKAGES = ("finetune-advisor", "scikit-learn", "sentence-transformers", "torch", "transformers")
WAYS = ("head", "encoder", "contrastive")
RECIPE = "classification-full-tiny"
MOST_DEV = 500
DEV_SHARE = 4
"""Train samples for each one of the dev part."""
DRAWS = 10_000
CHOSEN_ON = 38
"""Labels whose train samples the recipe's values were chosen on."""
LONGEST = 64
"""Tokens of a text; one in a thousand has more."""


def plan(way: str, encoder: str) -> Plan:
    """The recipe for all weights of an encoder, in this way."""
    recipes = {recipe.id: recipe for recipe in reference().recipes}
    own = recipes[RECIPE].settings
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


def unseen(rows: Rows) -> Rows:
    """The samples of the labels on which no value of the recipe was chosen."""
    names = sorted({sample.target for sample in rows.train})
    seen = random.Random(5).sample(names, CHOSEN_ON)  # noqa: S311 - no secret
    train, test = ([s for s in part if s.target not in seen] for part in rows)
    return Rows(train, test)


def dev_part(train: Sequence[Sample], learnt: Sequence[Sample]) -> list[Sample]:
    """Train samples that are not learnt from, a quarter as many as these."""
    used = {sample.id for sample in learnt}
    rest = [sample for sample in train if sample.id not in used]
    return random.Random(1).sample(rest, min(MOST_DEV, len(learnt) // DEV_SHARE))  # noqa: S311 - no secret


def tuned(
    way: str, train: Sequence[Sample], dev: Sequence[Sample], test: Sequence[Sample], folder: Path
) -> tuple[list[bool], dict[str, Any]]:
    """Which test samples are right, and the looks and seconds it took."""
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
    took = {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - used, 1),
    }
    with registry.backend("small_model").open(result.served_by.model, {}) as session:
        found = session.generate([_prompt(sample) for sample in test], max_new_tokens=1)
    right = [a.text == sample.target for a, sample in zip(found, test, strict=True)]
    return right, {
        **took,
        "steps": result.steps,
        "kept_step": result.kept_step,
        "dev": {point.step: round(point.score or 0.0, 4) for point in result.evaluations},
        "ended_early": result.ended_early,
        "peak_memory_gib": round(result.peak_memory_gib or 0.0, 2),
    }


def _prompt(sample: Sample) -> Prompt:
    return Prompt(sample_id=sample.id, messages=(Message(role="user", content=sample.input),))


def baseline(
    train: Sequence[Sample], dev: Sequence[Sample], test: Sequence[Sample], folder: Path
) -> list[bool]:
    """Which test samples the classifier on embeddings has right, learnt from the same samples."""
    system = registry.predictor("embedding_classifier")
    if isinstance(system, Configurable):
        system = system.configured({"targets": "labels"})
    system.fit(train, dev, Tools(seed=0, instruction="", cache_dir=folder))
    found = system.predict(test)
    return [a.text == sample.target for a, sample in zip(found, test, strict=True)]


def gain(before: Sequence[bool], after: Sequence[bool]) -> dict[str, Any]:
    """How much more is right, with its paired interval, and the samples that changed sides."""
    differences = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    places = np.random.default_rng(0).integers(0, len(differences), (DRAWS, len(differences)))
    low, high = np.quantile(differences[places].mean(axis=1), (0.025, 0.975))
    return {
        "gain": round(float(differences.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "became_right": int((differences > 0).sum()),
        "became_wrong": int((differences < 0).sum()),
    }


def compared(
    train: Sequence[Sample],
    dev: Sequence[Sample],
    test: Sequence[Sample],
    folder: Path,
    ways: Sequence[str],
) -> dict[str, Any]:
    """The baseline and these ways on the same samples."""
    before = baseline(train, dev, test, folder)
    found: dict[str, Any] = {"train": len(train), "dev": len(dev), "test": len(test)}
    found["embedding_classifier"] = {"accuracy": _share(before)}
    for way in ways:
        after, facts = tuned(way, train, dev, test, folder)
        found[way] = {"accuracy": _share(after), **gain(before, after), **facts}
        print(len(train), _share(before), way, found[way], file=sys.stderr, flush=True)
    return found


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / len(right), 4)


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """All figures of the result; the file grows with each count."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    rows = read(chosen.data)
    if chosen.unseen:
        rows = unseen(rows)
    test = rows.test[:: chosen.every]
    document: dict[str, Any] = {"banking77": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for count in chosen.counts:
            train = some_of_each(rows.train, count, 0)
            dev = dev_part(rows.train, train)
            found = compared(train, dev, test, Path(scratch), chosen.ways)
            document = {
                "measured": datetime.now(UTC).date().isoformat(),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
                "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
                "python": platform.python_version(),
                "versions": {name: version(name) for name in PACKAGES},
                "labels": len({sample.target for sample in rows.train}),
                "intervals": "95 %, paired bootstrap over test samples",
                "banking77": document["banking77"] | {f"{count} of each label": found},
                "wall_seconds": round(time.perf_counter() - began, 1),
            }
            chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return document


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "banking77")
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 20, 50])
    parser.add_argument("--ways", nargs="*", default=["encoder"], choices=WAYS)
    parser.add_argument("--every", type=int, default=1, help="every n-th test sample is asked")
    parser.add_argument("--unseen", action="store_true", help="labels nothing was chosen on")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    if not (chosen.data / "train.csv").is_file():
        print(f"{chosen.out.name}: not measured, there is no train.csv (--data FOLDER)")
        return 0
    for name, row in measure(chosen)["banking77"].items():
        told = ", ".join(f"{way} {row[way]['accuracy']:.1%}" for way in chosen.ways)
        print(f"{name}: embeddings {row['embedding_classifier']['accuracy']:.1%}, {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
