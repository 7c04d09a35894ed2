"""Start-up of the commands that must answer at once; writes benchmarks/results/startup.json.

    python benchmarks/startup/measure.py [--missing] [--runs 15]

Each command runs once to warm the disk cache, then `--runs` times in an empty folder. Wall time,
CPU time (user and system) and peak resident memory are the child's; medians are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULT = Path(__file__).resolve().parent.parent / "results" / "startup.json"
ANSWERS = Path(__file__).parents[2] / "advisor" / "builtin" / "tasks" / "manuals" / "answers.yaml"
COMMANDS: dict[str, tuple[str, ...]] = {
    "advisor --help": ("--help",),
    "advisor estimate --model 70b --method qlora": (
        "estimate",
        "--model",
        "70b",
        "--method",
        "qlora",
    ),
    "advisor estimate --model 70b --method qlora --gpu h100": (
        "estimate",
        "--model",
        "70b",
        "--method",
        "qlora",
        "--gpu",
        "h100",
    ),
    "advisor estimate --model 70b --method qlora --gpu h100 --json": (
        "estimate",
        "--model",
        "70b",
        "--method",
        "qlora",
        "--gpu",
        "h100",
        "--json",
    ),
    "advisor decide --profile answers.yaml": ("decide", "--profile", str(ANSWERS)),
    "advisor catalog show prices": ("catalog", "show", "prices"),
    "advisor rules list": ("rules", "list"),
    "advisor doctor": ("doctor",),
}
PACKAGES = ("finetune-advisor", "click", "pydantic", "rich")
KIB_PER_MIB = 1024


def run_once(words: tuple[str, ...], folder: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB) of one `advisor` process.

    Raises RuntimeError when the command fails, since a failure is fast and means nothing.
    """
    program = str(Path(sys.executable).with_name("advisor"))
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, 1)
        os.dup2(void, 2)
        # A shell may forbid Python to keep compiled modules; a user's start has them.
        plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        os.execve(program, [program, *words], plain)  # noqa: S606 - our own command, our own words
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if status:
        raise RuntimeError(f"advisor {' '.join(words)} failed with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_PER_MIB


def measure(words: tuple[str, ...], runs: int) -> dict[str, float]:
    """Medians over the runs, after one that warms up."""
    with tempfile.TemporaryDirectory() as folder:
        run_once(words, folder)
        walls, cpus, peaks = zip(*(run_once(words, folder) for _ in range(runs)), strict=True)
    return {
        "wall_seconds": round(statistics.median(walls), 3),
        "wall_seconds_best": round(min(walls), 3),
        "cpu_seconds": round(statistics.median(cpus), 3),
        "peak_mib": round(statistics.median(peaks), 1),
    }


def main() -> int:
    """Measure every command and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--runs", type=int, default=15)
    chosen = parser.parse_args()
    if chosen.missing and RESULT.is_file():
        print(f"{RESULT.name}: already measured")
        return 0
    figures = {shown: measure(words, chosen.runs) for shown, words in COMMANDS.items()}
    document = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "runs": chosen.runs,
        "commands": figures,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for shown, figure in figures.items():
        print(f"{shown}: {figure['wall_seconds']} s, {figure['peak_mib']} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
