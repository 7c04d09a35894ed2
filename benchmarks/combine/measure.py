"""Two tasks, one adapter each, combined in every way by one command; results/combine.json.

    python benchmarks/combine/measure.py [--missing] [--work FOLDER] [--limit N] [--epochs N]
        [--ways WAY ...] [--out FILE]

The embedded model is tuned on the bundled task `tickets` and on `slips`: the same messages answered
in another form, so that the instruction alone tells which is asked. Each way of combining is one
`advisor combine`, which verifies the result on the locked test samples of both tasks.
Finished runs in `--work` are used again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.resources import bundled_tasks_root  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "combine.json"
PACKAGES = ("finetune-advisor", "torch", "transformers", "peft", "trl")
WHY = "benchmark of combining"
CARE = ("learning_rate=0.002", "sequence_length=208", "general_share=0.34")
"""Careful tuning: general conversations mixed in, a lower rate."""
EPOCHS = 5.0
"""Of that plan; fewer only try the script out."""
INSTRUCTIONS = {
    "tickets": "Turn the customer message into our ticket line.",
    "slips": "Write the slip for the shelf.",
}
WAYS: dict[str, tuple[str, ...]] = {
    "linear": ("--how", "linear"),
    "cat": ("--how", "cat"),
    "svd": ("--how", "svd"),
    "ties": ("--how", "ties"),
    "ties, rank 16": ("--how", "ties", "--rank", "16"),
    "dare": ("--how", "dare"),
    "dare, rank 16": ("--how", "dare", "--rank", "16"),
    "magnitude_prune, rank 16": ("--how", "magnitude_prune", "--rank", "16"),
    "cat, half each": ("--how", "cat", "--weights", "0.5,0.5"),
    "cat, 0.7 and 0.4": ("--how", "cat", "--weights", "0.7,0.4"),
    "svd, 0.7 and 0.4": ("--how", "svd", "--weights", "0.7,0.4"),
}
LINE = re.compile(r"\[(\S+)\] (\S+) // (.+)")


def slips(folder: Path) -> Path:
    """The messages of `tickets`, answered in another form: name, order and desk of the slip."""
    source = bundled_tasks_root() / "tickets" / "data.jsonl"
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    told = [
        {
            "id": row["id"].replace("tickets", "slips"),
            "prompt": row["prompt"],
            "completion": LINE.sub(r"\3 | \2 | to \1", row["completion"]),
            "split": row["split"],
        }
        for row in rows
    ]
    file = folder / "slips.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    return file


def advisor(*words: str) -> tuple[int, str, float]:
    """Exit code, standard output and seconds of one command."""
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "advisor", *words], check=False, capture_output=True, text=True
    )
    if ended.returncode not in (0, 4, 5):
        sys.exit(f"advisor {' '.join(words)}\n{ended.stderr}")
    return ended.returncode, ended.stdout, round(time.perf_counter() - began, 1)


def tuned(name: str, data: Path, work: Path, *, limit: int, epochs: float) -> Path:
    """The finished run of one task: baselines, adapter, verification."""
    run = work / name
    chosen = ["--data", str(data), "--instruction", INSTRUCTIONS[name], "--limit", str(limit)]
    chosen += ["--builders", "zero_shot", "--metric", "exact_match", "--method", "lora"]
    chosen += ["--general-data", str(bundled_tasks_root() / "general.jsonl")]
    chosen += [word for value in (*CARE, f"epochs={epochs:g}") for word in ("--set", value)]
    if not (run / "7-verify.json").is_file():
        advisor("run", "--run-dir", str(run), *chosen, "--override-gate", WHY, "--yes")
    return run


def combined(words: tuple[str, ...], runs: list[Path], out: Path) -> dict[str, Any]:
    """What one command says of one way."""
    code, said, seconds = advisor("combine", *map(str, runs), *words, "--out", str(out), "--json")
    told = json.loads(said)
    tasks = {}
    for run in runs:
        found = told["verifications"][str(run)]
        against = told["against_parts"].get(str(run))
        value = found["tuned"]["value"]
        tasks[run.name] = {
            "n": found["tuned"]["n"],
            "best_baseline": round(max(value - c["difference"] for c in found["comparisons"]), 4),
            "combined": round(value, 4),
            "tuned_alone": round(value - against["difference"], 4) if against else None,
            "verdict": found["verdict"],
            "worse_elsewhere": sum(one["kind"] == "probe" for one in found["regressions"]),
        }
    return {
        "command": " ".join(words),
        "done_by": told["combined"]["how"],
        "rank": told["combined"]["rank"],
        "weights": told["weights"],
        "verdict": told["verdict"],
        "exit_code": code,
        "tasks": tasks,
        "notes": told["combined"]["notes"],
        "seconds": seconds,
    }


def measure(work: Path, names: list[str], out: Path, *, limit: int, epochs: float) -> None:
    """All figures; the file grows with each way."""
    load = os.getloadavg()[0]
    files = {
        "tickets": bundled_tasks_root() / "tickets" / "data.jsonl",
        "slips": slips(work),
    }
    runs = [tuned(name, file, work, limit=limit, epochs=epochs) for name, file in files.items()]
    found: dict[str, Any] = {}
    for name in names:
        place = Path(tempfile.mkdtemp(dir=work)) / "combined"
        found[name] = combined(WAYS[name], runs, place)
        print(name, found[name]["tasks"], file=sys.stderr, flush=True)
        document = {
            "measured": datetime.now(UTC).date().isoformat(),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
            "python": platform.python_version(),
            "versions": {package: version(package) for package in PACKAGES},
            "test_samples": limit,
            "epochs": epochs,
            "ways": found,
        }
        out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--work", type=Path, help="folder of the runs (default: a temporary one)")
    parser.add_argument("--limit", type=int, default=120, help="test samples of each task")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--ways", nargs="+", choices=sorted(WAYS), default=list(WAYS))
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    if asked.missing and asked.out.is_file():
        return 0
    os.environ.setdefault("ADVISOR_TEST_LEDGER", "off")
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        work = work.resolve()
        measure(work, asked.ways, asked.out, limit=asked.limit, epochs=asked.epochs)
    print(f"Written: {asked.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
