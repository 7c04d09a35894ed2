"""Answers per second against lm-evaluation-harness: same model, items, machine and threads.

    LM_EVAL_PYTHON=PATH python benchmarks/evaluation/measure.py --only harness

LM_EVAL_PYTHON names a Python that has lm-eval with this project's torch and transformers. Both
sides load their model once and then answer in turn, A B A B; loading is not counted. The harness
gets the batch size at which it was fastest. `HARNESS_ITEMS`, `HARNESS_ROUNDS`,
`HARNESS_THREADS` and `HARNESS_BATCHES` (1,4,8) change the size of the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.evaluation.harness_tasks import Shape, copy_embedded, make_model, make_task  # noqa: E402

PYTHON = "LM_EVAL_PYTHON"
BATCHES = os.environ.get("HARNESS_BATCHES", "1,4,8,16,32")
"""Not `auto`: on a CPU it looks for the largest batch that fits the memory, not for the fastest."""
SEARCH_ITEMS = 16
SHAPES = {
    "shape_135m": (
        Shape("zero_shot", 0, 0, (260, 330)),
        Shape("zero_shot_nothing_shared", 0, 0, (310, 390), instruction="Sort it."),
        Shape("five_shot", 5, 150, (100, 150)),
    ),
    "embedded": (
        Shape("embedded_zero_shot", 0, 0, (260, 330)),
        Shape("embedded_five_shot", 5, 70, (60, 100)),
    ),
}


class Size(NamedTuple):
    """How large the run is."""

    items: int
    rounds: int
    threads: int

    @property
    def search(self) -> int:
        """Items for finding the harness's best batch size."""
        return min(SEARCH_ITEMS, self.items)


def why_not() -> str:
    """Why it cannot be measured here; empty where it can."""
    if not os.environ.get(PYTHON):
        return f"{PYTHON} names no Python with lm-eval, so nothing was compared"
    return ""


def measure() -> dict[str, Any]:
    """Both models, all tasks."""
    size = Size(
        int(os.environ.get("HARNESS_ITEMS", "48")),
        int(os.environ.get("HARNESS_ROUNDS", "3")),
        int(os.environ.get("HARNESS_THREADS", "2")),
    )
    figures: dict[str, Any] = {"rival": rival(), **size._asdict()}
    for name, make in (("shape_135m", make_model), ("embedded", copy_embedded)):
        with tempfile.TemporaryDirectory() as scratch:
            model, tasks = Path(scratch) / "model", Path(scratch) / "tasks"
            make(model)
            tasks.mkdir()
            figures[name] = compared(model, tasks, SHAPES[name], size)
    return figures


def rival() -> dict[str, str]:
    """Versions on the other side."""
    names = ("lm_eval", "torch", "transformers")
    code = (
        "import json; from importlib.metadata import version; "
        f"print(json.dumps({{n: version(n) for n in {names!r}}}))"
    )
    out = subprocess.run(
        [os.environ[PYTHON], "-c", code], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(out.stdout)
    return found


class Worker:
    """One side: a process that has loaded its model and waits for orders."""

    def __init__(self, command: list[str], threads: int) -> None:
        more = {
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
        }
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | more,
        )
        self._reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self._process.terminate()
        self._process.wait()

    def run(self, **order: Any) -> dict[str, Any]:
        """Carry out one order."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended without a reply")
        found: dict[str, Any] = json.loads(line)
        return found


def compared(
    model: Path, tasks: Path, shapes: tuple[Shape, ...], size: Size
) -> dict[str, dict[str, Any]]:
    """Each task by both sides."""
    for shape in shapes:
        make_task(tasks, shape, size.items)
        make_task(tasks, shape._replace(name=f"{shape.name}_search"), size.search)
    told = [str(model), str(tasks), str(size.threads)]
    ours = Worker([sys.executable, str(HERE / "harness_ours.py"), *told], size.threads)
    theirs = Worker([os.environ[PYTHON], str(HERE / "harness_rival.py"), *told], size.threads)
    with ours, theirs:
        return {shape.name: raced(ours, theirs, shape, size) for shape in shapes}


def raced(ours: Worker, theirs: Worker, shape: Shape, size: Size) -> dict[str, Any]:
    """In turn, after a search for the harness's best batch size."""
    search = {}
    for batch in map(int, BATCHES.split(",")):
        reply = theirs.run(task=f"{shape.name}_search", batch=batch)
        search[batch] = size.search / reply["seconds"]
    best = max(search, key=lambda batch: search[batch])
    ours.run(task=f"{shape.name}_search")
    rounds = []
    for _ in range(size.rounds):
        rounds.append((ours.run(task=shape.name), theirs.run(task=shape.name, batch=best)))
        print(shape.name, [round(reply["seconds"], 1) for reply in rounds[-1]], file=sys.stderr)
    return {
        "batch_sizes_tried": {str(batch): round(rate, 3) for batch, rate in search.items()},
        "batch_size": best,
        **summary(rounds, size.items),
    }


def summary(rounds: list[tuple[dict[str, Any], dict[str, Any]]], items: int) -> dict[str, Any]:
    """Rates, ratios round by round, and whether both said the same."""
    mine, others = rounds[0]
    lengths = [len(tokens) for tokens in mine["tokens"]]
    shared = beginning(mine["tokens"])
    same = sum(a == b for a, b in zip(mine["answers"], others["answers"], strict=True))
    ratios = [b["seconds"] / a["seconds"] for a, b in rounds]
    work = [b["cpu_seconds"] / a["cpu_seconds"] for a, b in rounds]
    return {
        "ours_per_second": round(median(items / a["seconds"] for a, _ in rounds), 3),
        "theirs_per_second": round(median(items / b["seconds"] for _, b in rounds), 3),
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio_of_cpu_time": round(median(work), 3),
        "equal_answers": round(same / items, 4),
        "different_answers_there_are": len(set(mine["answers"])),
        "prompts_token_identical": mine["tokens"] == others["tokens"],
        "prompt_tokens": [min(lengths), max(lengths)],
        "shared_tokens": shared,
    }


def beginning(rows: list[list[int]]) -> int:
    """How many tokens all rows begin with alike."""
    columns = zip(*rows, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
