"""Index and search against bare sentence-transformers with FAISS, LlamaIndex and LangChain.

    python benchmarks/retrieval/rivals.py --squad FILE [--rivals PYTHON] [--rounds 3] [--json]

Every contestant is a process with the same embedding model and one thread; they take turns, so that
all meet the same load. `--rivals` is the Python of an environment that has them
(pip install llama-index-core llama-index-embeddings-huggingface llama-index-retrievers-bm25
langchain-community langchain-text-splitters langchain-huggingface rank_bm25); without it they are
left out, and that is said. Ratios are ours over theirs, the median over rounds: below 1 is quicker;
a build of theirs is that with the batch size that is quickest by CPU. Ranks are compared with each
way of searching that a rival has, question by question: a two-sided exact McNemar test.
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

from advisor.evaluation.differences import exact_mcnemar  # noqa: E402
from benchmarks.retrieval.score import figures, surroundings  # noqa: E402
from benchmarks.retrieval.squad import Squad  # noqa: E402
from rag_baseline.embedding.embed import SentenceTransformersEmbedder  # noqa: E402

MANNERS = ("same", "own")
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
DEFAULTS = "_own_defaults"
"""End of the labels of rivals as they come; they are timed in the first round alone."""
CUTOFFS = (1, 5, 10)
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Task:
    """What is measured, and against whom."""

    squad: Path
    rivals: str | None
    rounds: int = 3
    manners: tuple[str, ...] = MANNERS


class Seat:
    """A contestant in its process."""

    def __init__(self, python: str, name: str, manner: str, task: Task) -> None:
        self.label = name if manner == "same" else f"{name}{DEFAULTS}"
        words = [python, str(HERE / "contestant.py"), name, "--squad", str(task.squad)]
        words += ["--manner", manner]
        self._child = subprocess.Popen(
            [*words, "--model", str(SentenceTransformersEmbedder().folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"OMP_NUM_THREADS": "1", **os.environ, **QUIET},
        )
        self.why_not = ""
        self.bouts: list[dict[str, Any]] = []
        self.ranks: dict[str, list[int | None]] = {}

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

    def greet(self) -> None:
        """Wait until it has loaded what it needs."""
        self.why_not = "" if self._line() == "ready" else "it did not start"

    def turn(self) -> None:
        """One bout."""
        self.tell("time")
        found = self.answer()
        if found is not None:
            self.bouts.append(found)

    def tell(self, word: str) -> None:
        """Begin something."""
        if not self.why_not and self._child.stdin is not None:
            self._child.stdin.write(f"{word}\n")
            self._child.stdin.flush()

    def answer(self) -> Any:
        """What came of it; None where nothing did."""
        if self.why_not:
            return None
        line = self._line()
        if not line:
            self.why_not = "it ended before its turn was over"
        return json.loads(line) if line else None

    def rank(self) -> None:
        """Take what `rank` came to."""
        self.ranks = self.answer() or {}

    @property
    def batch(self) -> str:
        """The batch size that its build is quickest with, by CPU."""
        sizes: dict[str, Any] = self.bouts[0]["build"]
        return min(sizes, key=lambda size: _medians(self.builds(size))["cpu"])

    def builds(self, batch: str) -> list[dict[str, float]]:
        """Times of every build of one batch size."""
        return [bout["build"][batch] for bout in self.bouts]

    def _line(self) -> str:
        return self._child.stdout.readline().strip() if self._child.stdout is not None else ""


def compared(task: Task) -> dict[str, Any]:
    """All contestants, taking turns."""
    entries = [(sys.executable, "ours", "same"), (sys.executable, "bare", "same")]
    if task.rivals:
        entries += [(task.rivals, name, manner) for name in RIVALS for manner in task.manners]
    seats: list[Seat] = []
    try:
        seats += [Seat(python, name, manner, task) for python, name, manner in entries]
        for seat in seats:
            seat.greet()
        for number in range(task.rounds):
            for seat in seats:
                if number == 0 or not seat.label.endswith(DEFAULTS):
                    seat.turn()
        for seat in seats:
            seat.tell("rank")
        for seat in seats:
            seat.rank()
    finally:
        for seat in seats:
            with seat:
                pass
    ours = seats[0]
    if ours.why_not:
        raise SystemExit(f"ours: {ours.why_not}")
    counted = [each for each in Squad.read(task.squad).questions if each.is_answerable]
    held_out = [not each.is_development for each in counted]
    whole = [seat for seat in seats[1:] if not seat.why_not]
    return {
        "rounds": task.rounds,
        "contestants": {seat.label: _told(seat, held_out) for seat in seats},
        "ours_over": {seat.label: _ratios(ours, seat) for seat in whole},
        "ours_beside": {
            part: {seat.label: _beside(ours, seat, mask) for seat in whole}
            for part, mask in (("all", [True] * len(counted)), ("held_out", held_out))
        },
        "left_out": {}
        if task.rivals
        else dict.fromkeys(RIVALS, "no environment with them was given"),
    }


def _told(seat: Seat, held_out: Sequence[bool]) -> dict[str, Any]:
    if seat.why_not:
        return {"why_not": seat.why_not}
    return {
        "build_seconds": {
            "batch": seat.batch,
            **_medians(seat.builds(seat.batch)),
            "by_batch": {size: _medians(seat.builds(size)) for size in seat.bouts[0]["build"]},
        },
        "query_ms": {
            way: _medians([bout["query_ms"][way] for bout in seat.bouts])
            for way in seat.bouts[0]["query_ms"]
        },
        **{way: figures(ranks) for way, ranks in seat.ranks.items()},
        "held_out": {way: figures(_kept(ranks, held_out)) for way, ranks in seat.ranks.items()},
    }


def _beside(ours: Seat, theirs: Seat, mask: Sequence[bool]) -> dict[str, Any]:
    """Our hybrid search beside every way of theirs; their best one is named."""
    own = _kept(ours.ranks["hybrid"], mask)
    other = {way: _kept(ranks, mask) for way, ranks in theirs.ranks.items()}
    return {
        "best": max(other, key=lambda way: sum(_share(other[way], k) for k in CUTOFFS)),
        "ways": {
            way: {str(k): pairs(own, ranks, k) for k in CUTOFFS} for way, ranks in other.items()
        },
    }


def _kept(ranks: Sequence[int | None], mask: Sequence[bool]) -> list[int | None]:
    return [rank for rank, counts in zip(ranks, mask, strict=True) if counts]


def _share(ranks: Sequence[int | None], k: int) -> float:
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def pairs(
    ours: Sequence[int | None], theirs: Sequence[int | None], k: int
) -> dict[str, float | int]:
    """Questions that one of two finds within k and the other does not, and how likely by chance."""
    found = [
        (a is not None and a <= k, b is not None and b <= k)
        for a, b in zip(ours, theirs, strict=True)
    ]
    only_ours, only_theirs = found.count((True, False)), found.count((False, True))
    return {
        "ours": round(_share(ours, k), 4),
        "theirs": round(_share(theirs, k), 4),
        "only_ours": only_ours,
        "only_theirs": only_theirs,
        "p": round(exact_mcnemar(only_ours, only_theirs), 6),
    }


def _medians(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {clock: round(statistics.median(each[clock] for each in times), 3) for clock in CLOCKS}


def _ratios(ours: Seat, theirs: Seat) -> dict[str, dict[str, float]]:
    """Of the build, and of one question: by meaning, and by both in every way that they have."""
    ways = [way for way in theirs.bouts[0]["query_ms"] if way != "bm25"]
    builds = list(zip(ours.builds(ours.batch), theirs.builds(theirs.batch), strict=False))
    bouts = list(zip(ours.bouts, theirs.bouts, strict=False))
    return {
        clock: {
            "build": _ratio([(a[clock], b[clock]) for a, b in builds]),
            **{
                f"query_{way}": _ratio(
                    [
                        (
                            a["query_ms"]["dense" if way == "dense" else "hybrid"][clock],
                            b["query_ms"][way][clock],
                        )
                        for a, b in bouts
                    ]
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
    parser.add_argument("--manners", nargs="+", choices=MANNERS, default=list(MANNERS))
    parser.add_argument("--json", action="store_true", help="nothing but the JSON")
    chosen = parser.parse_args()
    task = Task(chosen.squad, chosen.rivals, chosen.rounds, tuple(chosen.manners))
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
