"""Index and search against bare sentence-transformers with FAISS, LlamaIndex and LangChain.

    python benchmarks/retrieval/rivals.py --squad FILE [--rivals PYTHON] [--rounds 3] [--json]

Every contestant is a process with the same embedding model, threads and batch size; they take
turns, so that all meet the same load. `--rivals` is the Python of an environment that has them
(pip install llama-index-core llama-index-embeddings-huggingface llama-index-retrievers-bm25
langchain-community langchain-text-splitters langchain-huggingface rank_bm25); without it they are
left out, and that is said. Ratios are ours over theirs, the median over rounds: below 1 is quicker.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.score import figures, surroundings  # noqa: E402
from rag_baseline.embedding.embed import SentenceTransformersEmbedder  # noqa: E402

CUTS = ("same", "own")
RIVALS = ("llama_index", "langchain")
PACKAGES = (
    "llama-index-core",
    "llama-index-retrievers-bm25",
    "langchain-community",
    "langchain-text-splitters",
    "rank-bm25",
    "sentence-transformers",
    "faiss-cpu",
    "torch",
)
CLOCKS = ("wall", "cpu")
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Task:
    """What is measured, and against whom."""

    squad: Path
    rivals: str | None
    rounds: int = 3
    questions: int = 0
    """About so many are ranked; 0: all."""
    cuts: tuple[str, ...] = CUTS


class Seat:
    """A contestant in its process."""

    def __init__(self, python: str, name: str, cut: str, task: Task) -> None:
        self.label = name if cut == "same" else f"{name}_own_cut"
        words = [python, str(HERE / "contestant.py"), name, "--squad", str(task.squad)]
        words += ["--cut", cut, "--questions", str(task.questions)]
        self._child = subprocess.Popen(
            [*words, "--model", str(SentenceTransformersEmbedder().folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"OMP_NUM_THREADS": "1", **os.environ, **QUIET},
        )
        self.why_not = "" if self._line() == "ready" else "it did not start"
        self.bouts: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process; its streams are closed."""
        self._child.communicate()

    def turn(self) -> None:
        """One bout."""
        if self.why_not or self._child.stdin is None:
            return
        self._child.stdin.write("go\n")
        self._child.stdin.flush()
        line = self._line()
        if line:
            self.bouts.append(json.loads(line))
        else:
            self.why_not = "it ended before its turn was over"

    def _line(self) -> str:
        return self._child.stdout.readline().strip() if self._child.stdout is not None else ""


def compared(task: Task) -> dict[str, Any]:
    """All contestants, taking turns."""
    entries = [(sys.executable, "ours", "same"), (sys.executable, "bare", "same")]
    if task.rivals:
        entries += [(task.rivals, name, cut) for name in RIVALS for cut in task.cuts]
    seats: list[Seat] = []
    try:
        seats += [Seat(python, name, cut, task) for python, name, cut in entries]
        for _ in range(task.rounds):
            for seat in seats:
                seat.turn()
    finally:
        for seat in seats:
            with seat:
                pass
    ours = seats[0]
    if ours.why_not:
        raise SystemExit(f"ours: {ours.why_not}")
    return {
        "rounds": task.rounds,
        "contestants": {seat.label: _told(seat) for seat in seats},
        "ours_over": {
            seat.label: _ratios(ours.bouts, seat.bouts) for seat in seats[1:] if not seat.why_not
        },
        "left_out": {}
        if task.rivals
        else dict.fromkeys(RIVALS, "no environment with them was given"),
    }


def _told(seat: Seat) -> dict[str, Any]:
    if seat.why_not:
        return {"why_not": seat.why_not}
    return {
        "build_seconds": _medians([bout["build"] for bout in seat.bouts]),
        "query_ms": {
            way: _medians([bout["query_ms"][way] for bout in seat.bouts])
            for way in seat.bouts[0]["query_ms"]
        },
        **{way: figures(ranks) for way, ranks in seat.bouts[0]["ranks"].items()},
    }


def _medians(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {clock: round(statistics.median(each[clock] for each in times), 3) for clock in CLOCKS}


def _ratios(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Of the build, and of one question in every way of searching that both have."""
    ways = [way for way in ours[0]["query_ms"] if way in theirs[0]["query_ms"]]
    pairs = list(zip(ours, theirs, strict=True))
    return {
        clock: {
            "build": _ratio([(a["build"][clock], b["build"][clock]) for a, b in pairs]),
            **{
                f"query_{way}": _ratio(
                    [(a["query_ms"][way][clock], b["query_ms"][way][clock]) for a, b in pairs]
                )
                for way in ways
            },
        }
        for clock in CLOCKS
    }


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return round(statistics.median(a / b for a, b in pairs), 3)


def versions(python: str) -> dict[str, str]:
    """Of the rivals' packages, as their environment has them."""
    code = (
        "import json, sys; from importlib.metadata import version, PackageNotFoundError as E\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = version(name)\n"
        "    except E: found[name] = 'not installed'\n"
        "print(json.dumps(found))"
    )
    said = subprocess.run(
        [python, "-c", code, *PACKAGES], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(said.stdout)
    return found


def measured(task: Task) -> dict[str, Any]:
    """The comparison with what it was taken on."""
    before = round(os.getloadavg()[0], 1)
    found = compared(task)
    around = surroundings()
    return {
        **around,
        "load_average": [before, around["load_average"]],
        "threads": os.environ.get("OMP_NUM_THREADS", "1"),
        "rivals_versions": versions(task.rivals) if task.rivals else {},
        **found,
    }


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--rivals", default=os.environ.get("ADVISOR_RIVALS"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=0, help="about so many; 0: all")
    parser.add_argument("--cuts", nargs="+", choices=CUTS, default=list(CUTS))
    parser.add_argument("--json", action="store_true", help="nothing but the JSON")
    chosen = parser.parse_args()
    task = Task(chosen.squad, chosen.rivals, chosen.rounds, chosen.questions, tuple(chosen.cuts))
    document = measured(task)
    if not chosen.json:
        for name, why in document["left_out"].items():
            print(f"{name} is left out: {why}")
        for name, ratios in document["ours_over"].items():
            print(f"ours over {name}: {ratios}")
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
