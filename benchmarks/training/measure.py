"""Speed of training: against the same script by hand, and what packing saves.

    python benchmarks/training/measure.py [--missing] [--rounds N] [--rows N] [--only PART]

Writes benchmarks/results/training_speed.json and training_packing.json. Rows are real requests
(customers' questions, facts to word, passages to read) from the evidence folder that
ADVISOR_SHARED names. Both sides train the embedded model in this process, in turns A B, B A; ratios
are of one round's two runs. The rival of packing is the same plan padded to the longest row of its
batch, with the same samples per optimizer step.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.resources import embedded_model_root  # noqa: E402
from advisor.schema.evaluation import Sample  # noqa: E402
from advisor.schema.plan import Plan  # noqa: E402
from advisor.schema.train import TrainResult  # noqa: E402
from benchmarks.training.engine import Pace, by_hand, ours  # noqa: E402
from benchmarks.training.rows import INSTRUCTION, mixture  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
PACKAGES = ("finetune-advisor", "torch", "transformers", "trl", "peft")
SEQUENCE = 768
BATCH = 8
MODEL_READS = 1024
PACKED_EPOCHS = 2
"""So many passes take the dev loss to where one step more or less hardly matters."""
SEEDS = (0, 1, 2)


def plan(**changes: Any) -> Plan:
    """LoRA on the embedded model; every row of the mixture fits its sequence length."""
    base: dict[str, Any] = {
        "model": str(embedded_model_root()),
        "method": "lora",
        "precision": "float32",
        "base_bits": 32,
        "rank": 16,
        "alpha": 32.0,
        "sequence_length": SEQUENCE,
        "micro_batch_size": BATCH,
        "gradient_checkpointing": False,
        "learning_rate": 2e-3,
        "epochs": 1,
        "gpu": "local",
    }
    return Plan(**base | changes)


def pace_of(result: TrainResult) -> Pace:
    """Tokens and seconds of a job's optimizer steps."""
    seconds = result.steps_seconds or result.wall_seconds
    return Pace(tokens=round((result.tokens_per_second or 0.0) * seconds), seconds=seconds)


def _lengths(samples: Sequence[Sample]) -> list[int]:
    """Tokens of every sample's row."""
    trainer: Any = registry.trainer("trl")
    return list(trainer.row_lengths(samples, plan(), INSTRUCTION))


def fitting(samples: Sequence[Sample]) -> list[Sample]:
    """Those whose row both sides keep whole."""
    lengths = _lengths(samples)
    return [s for s, length in zip(samples, lengths, strict=True) if length <= SEQUENCE]


def by_hand_rounds(samples: Sequence[Sample], rounds: int) -> dict[str, Any]:
    """Ours over theirs, tokens per second of steps, round by round."""
    alone = [s for s in samples if s.split == "train"]
    by_hand(plan(), alone[:16])  # both sides' first run pays for what later ones have warm
    ours(plan(), alone[:16])
    found = []
    for turn in range(rounds):
        order = ("ours", "theirs") if turn % 2 == 0 else ("theirs", "ours")
        paces = {
            who: pace_of(ours(plan(), alone)) if who == "ours" else by_hand(plan(), alone)
            for who in order
        }
        found.append(paces)
        print({who: round(p.tokens_per_second) for who, p in paces.items()}, file=sys.stderr)
    ratios = [p["ours"].tokens_per_second / p["theirs"].tokens_per_second for p in found]
    return {
        "rows": len(alone),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_by_round": [round(ratio, 3) for ratio in ratios],
        "tokens_per_second": {
            who: [round(p[who].tokens_per_second) for p in found] for who in ("ours", "theirs")
        },
        "tokens": {who: found[0][who].tokens for who in ("ours", "theirs")},
    }


def packing_rounds(samples: Sequence[Sample], rounds: int) -> dict[str, Any]:
    """Packed, grouped by length and padded: real tokens per second and the final dev loss."""
    once = {"epochs": PACKED_EPOCHS}
    ways = {
        "padded": plan(**once),
        "grouped": plan(length_grouping=True, **once),
        "packed": plan(packing=True, **once, **_same_samples(samples)),
    }
    runs: dict[str, list[TrainResult]] = {name: [] for name in ways}
    for turn in range(rounds):
        order = list(ways) if turn % 2 == 0 else list(ways)[::-1]
        for name in order:
            seed = SEEDS[turn % len(SEEDS)]
            runs[name].append(ours(ways[name].model_copy(update={"seed": seed}), samples))
            last = runs[name][-1]
            print(
                name, round(pace_of(last).tokens_per_second), last.dev_loss_after, file=sys.stderr
            )
    padded = runs["padded"][0]
    paces = {name: [pace_of(r).tokens_per_second for r in found] for name, found in runs.items()}
    return {
        "rows": padded.train_samples,
        "samples_per_step": {
            name: round(padded.train_samples * PACKED_EPOCHS / found[0].steps, 2)
            for name, found in runs.items()
        },
        "tokens_per_second": {name: [round(x) for x in found] for name, found in paces.items()},
        "ratio_to_padded": {
            name: [round(a / b, 3) for a, b in zip(paces[name], paces["padded"], strict=True)]
            for name in ("grouped", "packed")
        },
        "dev_loss_before": padded.dev_loss_before,
        "dev_loss_after": {name: [r.dev_loss_after for r in found] for name, found in runs.items()},
    }


def _same_samples(samples: Sequence[Sample]) -> dict[str, int]:
    """Packed rows that hold about as many samples as a padded batch: one to each step."""
    mean = statistics.fmean(_lengths([s for s in samples if s.split == "train"]))
    return {
        "micro_batch_size": 1,
        "sequence_length": min(MODEL_READS, math.ceil(BATCH * mean)),
    }


def written(name: str, figures: dict[str, Any], before: float) -> None:
    """The result file, with what it was measured on."""
    told = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load_average": [round(before, 1), round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        **figures,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


PARTS = {
    "by_hand": ("training_speed", by_hand_rounds),
    "packing": ("training_packing", packing_rounds),
}


def main() -> None:
    """Measure what was asked for, or what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--only", choices=sorted(PARTS))
    asked = parser.parse_args()
    if not SHARED.is_dir():
        print(f"Skipped: the evidence folder is not at {SHARED} (ADVISOR_SHARED).")
        return
    samples = fitting(mixture(SHARED / "data", asked.rows))
    for part, (name, measure) in PARTS.items():
        is_there = (RESULTS / f"{name}.json").is_file()
        if (asked.only and part != asked.only) or (asked.missing and is_there):
            continue
        before = os.getloadavg()[0]
        written(name, measure(samples, asked.rounds), before)
        print(f"Written: {name}.json")


if __name__ == "__main__":
    main()
