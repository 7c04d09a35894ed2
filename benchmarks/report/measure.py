"""How long `advisor report` takes on finished runs; writes benchmarks/results/report.json.

    python benchmarks/report/measure.py [--missing] [--runs 5] [--run-dir FOLDER]

Three runs are made to the end with the echo backend and the dry-run trainer (every stage, no
model): 600 rows, 5,000 rows, and 5,000 rows whose data check is thrown away before each report.
`--run-dir` adds a run of one's own, of which a copy is reported on. Wall and CPU seconds are those
of the whole process, start-up included; medians are kept, and the size of both pages.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from advisor.artifacts import RunFolder
from advisor.data_check.kept import FILE
from advisor.pipeline import Pipeline
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace

RESULT = Path(__file__).resolve().parent.parent / "results" / "report.json"
PACKAGES = ("finetune-advisor", "click", "pydantic", "rich", "pygal")
ASKED_SECONDS = 3.0
WORDS = 2000


def write_rows(path: Path, rows: int) -> Path:
    """A data file of so many rows: 25 drawn words and a number, answered by a house code."""
    draw = random.Random(0)  # noqa: S311 - no secret
    with path.open("w", encoding="utf-8") as stream:
        for row in range(rows):
            words = " ".join(f"word{draw.randrange(WORDS)}" for _ in range(25))
            told = {"prompt": f"{words} {row}", "completion": f"HC-{draw.randrange(10**6):06d}"}
            stream.write(json.dumps(told) + "\n")
    return path


def make_run(root: Path, rows: int) -> Path:
    """A run folder with a document of every stage.

    Raises RuntimeError where a stage did not run, for then less is reported.
    """
    answers = root / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n", encoding="utf-8")
    data = write_rows(root / f"rows-{rows}.jsonl", rows)
    settings = RunSettings(
        name=f"rows-{rows}", data=str(data), backend="echo", trainer="dry_run", target=0.9,
        builders=("zero_shot", "few_shot"), methods=("lora",), answers=str(answers),
    )  # fmt: skip
    folder = RunFolder(root / f"run-{rows}")
    if Pipeline(Workspace(settings, folder)).run().verification is None:
        raise RuntimeError(f"the run of {rows} rows ended before its verification")
    return folder.path


def run_once(folder: Path) -> tuple[float, float]:
    """(wall seconds, CPU seconds) of one `advisor report`; raises RuntimeError when it fails."""
    program = str(Path(sys.executable).with_name("advisor"))
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, 1)
        os.dup2(void, 2)
        plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        words = [program, "report", "--run-dir", str(folder)]
        os.execve(program, words, plain)  # noqa: S606 - our own command, our own words
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"advisor report failed with status {status}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def measure(folder: Path, runs: int, *, is_unchecked: bool = False) -> dict[str, float]:
    """Medians over the runs, after one that warms up."""
    taken = []
    for number in range(runs + 1):
        if is_unchecked:
            (folder / FILE).unlink(missing_ok=True)
        once = run_once(folder)
        if number:
            taken.append(once)
    walls, cpus = zip(*taken, strict=True)
    return {
        "wall_seconds": round(statistics.median(walls), 3),
        "wall_seconds_best": round(min(walls), 3),
        "cpu_seconds": round(statistics.median(cpus), 3),
        "html_kb": round((folder / "report.html").stat().st_size / 1000, 1),
        "markdown_kb": round((folder / "report.md").stat().st_size / 1000, 1),
    }


def main() -> int:
    """Measure every run and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--run-dir", type=Path, help="a finished run of one's own")
    chosen = parser.parse_args()
    if chosen.missing and RESULT.is_file():
        print(f"{RESULT.name}: already measured")
        return 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        small, large = make_run(root, 600), make_run(root, 5000)
        figures = {
            "600 rows": measure(small, chosen.runs),
            "5,000 rows": measure(large, chosen.runs),
            "5,000 rows, never checked": measure(large, chosen.runs, is_unchecked=True),
        }
        if chosen.run_dir:
            own = shutil.copytree(chosen.run_dir, root / "own")
            figures["a run of the embedded model"] = measure(own, chosen.runs)
    document = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "runs": chosen.runs,
        "asked_seconds": ASKED_SECONDS,
        "reports": figures,
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for shown, figure in figures.items():
        print(f"{shown}: {figure['wall_seconds']} s wall, {figure['cpu_seconds']} s CPU")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
