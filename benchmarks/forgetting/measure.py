"""What tuning costs the embedded model of what it knew, and what helps; results/forgetting.json.

    python benchmarks/forgetting/measure.py [--missing] [--rows N] [--epochs N] [--ways WAY ...]
        [--out FILE]

The bundled task `tickets` is learnt in several ways: high and low rank, all weights, with general
data among the rows, ended by the dev part. Beside the task's own score on test samples stand two
things about the kinds of text that the embedded model was made of, on conversations that nobody
trained on: the loss in nats per token (the probe that every run takes) and the share of answers
that are still right to the letter. General data are other conversations of the same kinds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.formats.readers import read_dataset  # noqa: E402
from advisor.general import packaged_probe  # noqa: E402
from advisor.resources import bundled_tasks_root, embedded_model_root  # noqa: E402
from advisor.schema.evaluation import Message, Prompt, Sample  # noqa: E402
from advisor.schema.plan import Plan  # noqa: E402
from advisor.schema.train import TrainJob  # noqa: E402
from advisor.tools import Tools  # noqa: E402
from examples.pretrain_tiny.probe import text_of  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "forgetting.json"
PACKAGES = ("finetune-advisor", "torch", "transformers", "peft", "trl")
INSTRUCTION = "Turn the customer message into our ticket line."
GENERAL_ROWS = 400
TESTED = 120
ANSWER_TOKENS = 48
WAYS: dict[str, dict[str, Any]] = {
    "lora rank 16": {},
    "lora rank 2": {"rank": 2, "alpha": 4.0},
    "lora rank 16, 10 % general": {"general_share": 0.1},
    "lora rank 16, 25 % general": {"general_share": 0.25},
    "lora rank 16, a third of the rate": {"learning_rate": 8e-4},
    "lora rank 16, ended by the dev part": {"evaluations": 12, "early_stopping_patience": 2},
    "full": {"method": "full", "rank": None, "alpha": None, "learning_rate": 1e-3},
    "full, 10 % general": {
        "method": "full",
        "rank": None,
        "alpha": None,
        "learning_rate": 1e-3,
        "general_share": 0.1,
    },
}


class Data(NamedTuple):
    """Samples by what they are for."""

    train: tuple[Sample, ...]
    dev: tuple[Sample, ...]
    test: tuple[Sample, ...]
    general: tuple[Sample, ...]
    probe: tuple[Sample, ...]


def data(rows: int, folder: Path) -> Data:
    """So many training rows of the task, all of its dev part, and general conversations."""
    samples = read_dataset(bundled_tasks_root() / "tickets" / "data.jsonl").samples
    parts = {
        split: tuple(s for s in samples if s.split == split) for split in ("train", "dev", "test")
    }
    file = folder / "general.jsonl"
    file.write_text(text_of("general", GENERAL_ROWS), encoding="utf-8")
    return Data(
        parts["train"][:rows],
        parts["dev"],
        parts["test"][:TESTED],
        read_dataset(file).samples,
        packaged_probe("tiny").probe,
    )


def plan(epochs: float, **changes: Any) -> Plan:
    """The embedded model's recipe, with these changes."""
    usual: dict[str, Any] = {
        "model": str(embedded_model_root()),
        "method": "lora",
        "precision": "float32",
        "base_bits": 32,
        "rank": 16,
        "alpha": 32.0,
        "sequence_length": 448,
        "micro_batch_size": 8,
        "gradient_checkpointing": False,
        "learning_rate": 2.5e-3,
        "epochs": epochs,
        "choose_checkpoint_by": "loss",
        "gpu": "local",
    }
    return Plan(**usual | changes)


def share_right(folder: str, samples: Sequence[Sample], instruction: str) -> float:
    """Answers that are right to the letter, asked as they were trained."""
    prompts = [_prompt(sample, instruction) for sample in samples]
    with registry.backend("transformers").open(folder, {}) as session:
        found = session.generate(prompts, max_new_tokens=ANSWER_TOKENS)
    right = [a.text.strip() == s.target.strip() for a, s in zip(found, samples, strict=True)]
    return round(sum(right) / len(right), 4)


def _prompt(sample: Sample, instruction: str) -> Prompt:
    first = (Message(role="system", content=instruction),) if instruction else ()
    asked = Message(role="user", content=sample.input)
    return Prompt(sample_id=sample.id, messages=(*first, *sample.history, asked))


def tuned(name: str, rows: Data, folder: Path, epochs: float) -> dict[str, Any]:
    """One way: its scores, its probe before and after, its seconds."""
    job = TrainJob(
        plan=plan(epochs, **WAYS[name]),
        instruction=INSTRUCTION,
        train_samples=rows.train,
        dev_samples=rows.dev,
        general_samples=rows.general,
        probe_samples=rows.probe,
        output_dir=str(folder / name.replace(" ", "-").replace("%", "percent")),
    )
    tools = Tools(seed=0, instruction=INSTRUCTION, cache_dir=folder)
    began, used = time.perf_counter(), time.process_time()
    result = registry.trainer("trl").train(job, tools)
    took = {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - used, 1),
    }
    model = result.served_by.model
    return {
        "task": share_right(model, rows.test, INSTRUCTION),
        "general": share_right(model, rows.probe, ""),
        "probe_before": _rounded(result.general_loss_before),
        "probe_after": _rounded(result.general_loss_after),
        "steps": result.steps,
        "kept_step": result.kept_step,
        "ended_early": result.ended_early,
        **took,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def measure(count: int, epochs: float, names: Sequence[str], out: Path) -> dict[str, Any]:
    """All figures of the result; the file grows with each way."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    found: dict[str, Any] = {}
    document: dict[str, Any] = {"ways": found}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = data(count, folder)
        base = str(embedded_model_root())
        untuned = {
            "task": share_right(base, rows.test, INSTRUCTION),
            "general": share_right(base, rows.probe, ""),
        }
        for name in names:
            found[name] = tuned(name, rows, folder, epochs)
            print(name, found[name], file=sys.stderr, flush=True)
            document = {
                "measured": datetime.now(UTC).date().isoformat(),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
                "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
                "python": platform.python_version(),
                "versions": {name: version(name) for name in PACKAGES},
                "train": len(rows.train),
                "epochs": epochs,
                "tested": {"task": len(rows.test), "general": len(rows.probe)},
                "untuned": untuned,
                "ways": found,
                "wall_seconds": round(time.perf_counter() - began, 1),
            }
            out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return document


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    document = measure(chosen.rows, chosen.epochs, chosen.ways, chosen.out)
    for name, row in document["ways"].items():
        print(f"{name}: task {row['task']:.1%}, general {row['general']:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
