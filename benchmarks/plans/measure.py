"""Ten thousand plans through the Python API, and one estimate as a process beside its peers.

    python benchmarks/plans/measure.py [--missing] [--plans 10000] [--peers DIR] [--runs 10]

`--peers` is the folder of virtual environments that the peer harness sets up; without it only our
own command is timed. Writes benchmarks/results/plans.json; times are medians of warm processes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from advisor.catalog import query
from advisor.market import estimated, opened
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import make_candidate

RESULT = Path(__file__).resolve().parent.parent / "results" / "plans.json"
MODELS = ("1b", "7b", "8b", "14b", "70b")
METHODS = ("full", "lora", "qlora")
OURS = "advisor estimate --model 8b --method qlora --gpu a100-80gb --json"
SHAPE = (
    "--hidden-size 4096 --num-layers 32 --params-billion 8.03 --qlora --output json --batch-size 1"
)
PEERS = {
    "peft-doctor": f"v-peft-doctor/bin/peft-doctor estimate --model llama-3-8b {SHAPE}",
    "canifinetune": "v-canifinetune/bin/canifinetune estimate --model local/llama --gpu-vram-gb 80 "
    "--method qlora --offline --json --override-json {shape}",
    "agilerl-arena": "v-agilerl-arena/bin/arena --help",
    "fitcheck": "v-fitcheck-llm/bin/fitcheck --help",
    "accelerate": "v-accelerate/bin/accelerate --help",
}
"""Peers that cannot estimate without a hub are timed on their help, which is a lower bound."""


def plans_per_second(count: int) -> dict[str, float]:
    """Seconds for `count` complete options: memory, fit, time and cost."""
    markets = [
        opened(
            EstimateRequest(methods=METHODS, seq_len=length, batch_size=batch, as_of="2026-11-26"),
            model=query.find_model(model),
        )
        for model in MODELS
        for length in (512, 1024, 2048)
        for batch in (1, 2, 4)
    ]
    work = (
        (market.inquiry, gpu, method)
        for market in markets
        for gpu in market.gpus
        for method in market.methods.values()
    )
    asked = list(itertools.islice(itertools.cycle(work), count))
    make_candidate(*asked[0])
    started = time.perf_counter()
    for inquiry, gpu, method in asked:
        make_candidate(inquiry, gpu, method)
    seconds = time.perf_counter() - started
    return {
        "plans": count,
        "seconds": round(seconds, 2),
        "milliseconds_per_plan": round(1e3 * seconds / count, 3),
    }


def estimates_per_second(count: int) -> dict[str, float]:
    """Seconds for `count` options through the public call, every request of another length.

    Each call asks for three methods on one card, as a sweep does, and brings what lies beyond
    training: hosted tuning, serving, the whole bill and when it pays back.
    """
    model = query.find_model("8b")
    calls = -(-count // len(METHODS))
    requests = [
        EstimateRequest(methods=METHODS, seq_len=256 + i, as_of="2026-11-26") for i in range(calls)
    ]
    estimated(requests[0], model=model, gpus=("rtx-4090",))
    started = time.perf_counter()
    for request in requests:
        estimated(request, model=model, gpus=("rtx-4090",))
    seconds = time.perf_counter() - started
    options = calls * len(METHODS)
    return {
        "plans": options,
        "calls": calls,
        "seconds": round(seconds, 2),
        "milliseconds_per_plan": round(1e3 * seconds / options, 3),
    }


def process_seconds(words: list[str], runs: int, folder: Path) -> float | str:
    """Median wall seconds of a warm process, or what it said when it failed."""
    walls = []
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(runs + 1):
        started = time.perf_counter()
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=folder, env=kept, check=False
        )
        walls.append(time.perf_counter() - started)
        if done.returncode:
            return (done.stderr or done.stdout).strip().splitlines()[-1][:100]
    return round(statistics.median(walls[1:]), 3)


def peer_seconds(peers: Path, runs: int) -> dict[str, float | str]:
    """Every peer's command, timed in one run with ours."""
    shape = peers / "shape.json"
    shape.write_text(
        json.dumps(
            {
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 128256,
                "model_type": "llama",
            }
        ),
        encoding="utf-8",
    )
    found: dict[str, float | str] = {}
    for name, command in PEERS.items():
        words = command.format(shape=shape).split()
        if (peers / words[0]).is_file():
            found[name] = process_seconds([str(peers / words[0]), *words[1:]], runs, peers)
    return found


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    chosen = parser.parse_args()
    if chosen.missing and RESULT.is_file():
        print(f"{RESULT.name}: already measured")
        return 0
    folder = RESULT.parent
    words = OURS.split()
    ours = process_seconds(
        [str(Path(sys.executable).with_name(words[0])), *words[1:]], chosen.runs, folder
    )
    document = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("finetune-advisor", "pydantic")},
        "api": plans_per_second(chosen.plans),
        "estimated": estimates_per_second(chosen.plans),
        "process_seconds": {
            OURS: ours,
            **(peer_seconds(chosen.peers, chosen.runs) if chosen.peers else {}),
        },
        "commands": {name: PEERS[name].format(shape="shape.json") for name in PEERS},
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(
        json.dumps(
            {key: document[key] for key in ("api", "estimated", "process_seconds")}, indent=1
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
