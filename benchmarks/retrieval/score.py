"""Retrieval on a file in the format of SQuAD 2.0, by the product's own way from file to hits.

    python benchmarks/retrieval/score.py --squad FILE [--json] [--documents paragraphs|articles]

Every paragraph is a document (or, with `articles`, every article is one Markdown file). They are
cut into passages, embedded and indexed as the builder `rag` does it, and every answerable question
is searched by meaning, by words and by both. A hit counts when it lies in the paragraph that the
question was asked of: at least half of it, or at least half of the paragraph. Questions without an
answer count only under `with_unanswerable`: they were written so that their paragraph seems to
answer them. `held_out` leaves out the questions that settings were chosen on. The last line of the
output is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from advisor.embedding import run_embedder  # noqa: E402
from advisor.schema.evaluation import Document, Hit  # noqa: E402
from advisor.tools import Tools  # noqa: E402
from benchmarks.retrieval.squad import Squad  # noqa: E402
from rag_baseline.prompting.library import Library, prepare  # noqa: E402
from rag_baseline.prompting.rag_options import RagOptions  # noqa: E402

WAYS = ("dense", "bm25", "hybrid")
DEPTH = 100
"""Hits looked at; a paragraph that is not among them has the reciprocal rank 0."""
TIMED = 200
"""Questions that are asked one at a time for their time."""
PACKAGES = (
    "finetune-advisor",
    "sentence-transformers",
    "faiss-cpu",
    "bm25s",
    "PyStemmer",
    "torch",
    "numpy",
)
HALF = 0.5
Span = tuple[str, int, int]


def documents_of(squad: Squad, kind: str) -> tuple[list[Document], list[Span]]:
    """Documents, and where each paragraph stands in them."""
    if kind == "paragraphs":
        found = [Document(name=each.name, text=each.text) for each in squad.paragraphs]
        return found, [(each.name, 0, len(each.text)) for each in found]
    texts: dict[str, str] = {}
    spans: list[Span] = []
    for each in squad.paragraphs:
        name = f"{each.name.rpartition('/')[0]}.md"
        before = texts.get(name, f"# {each.title}\n") + "\n"
        spans.append((name, len(before), len(before) + len(each.text)))
        texts[name] = before + each.text + "\n"
    return [Document(name=name, text=text) for name, text in texts.items()], spans


def lies_in(hit: Hit, span: Span) -> bool:
    """Whether half of the passage lies in the paragraph, or half of the paragraph in it."""
    name, start, end = span
    if hit.passage.document != name:
        return False
    shared = min(end, hit.passage.end) - max(start, hit.passage.start)
    shorter = min(end - start, hit.passage.end - hit.passage.start)
    return shared >= HALF * shorter and shared > 0


def rank_of(hits: Sequence[Hit], span: Span) -> int | None:
    """The place of the first hit that counts, from 1."""
    return next((at for at, hit in enumerate(hits, start=1) if lies_in(hit, span)), None)


def figures(ranks: Sequence[int | None]) -> dict[str, float]:
    """Recall at 1, 5 and 10, mean reciprocal rank, nDCG at 10 (one right paragraph each)."""
    n = len(ranks)
    if not n:
        return {"n": 0}
    found = [rank for rank in ranks if rank is not None]
    return {
        **{f"recall_{k}": round(sum(rank <= k for rank in found) / n, 4) for k in (1, 5, 10)},
        "mrr": round(sum(1 / rank for rank in found) / n, 4),
        "ndcg_10": round(sum(1 / math.log2(1 + r) for r in found if r <= 10) / n, 4),
        "n": n,
    }


def scored(squad: Squad, kind: str = "paragraphs") -> dict[str, Any]:
    """Build, search and count."""
    documents, spans = documents_of(squad, kind)
    questions = [question.text for question in squad.questions]
    with tempfile.TemporaryDirectory() as folder:
        embedder = run_embedder(None, None, None)
        tools = Tools(seed=0, instruction="", cache_dir=Path(folder), embedder=embedder)
        embedder.embed(["The model is loaded before the clock runs."])
        began = time.perf_counter()
        library = Library(documents, tools)
        made = {way: library.retriever(RagOptions(search=way)) for way in reversed(WAYS)}
        build = time.perf_counter() - began
        times = {
            way: _milliseconds(made[way], questions[at :: len(WAYS)]) for at, way in enumerate(WAYS)
        }
        ranks = {}
        for way in WAYS:
            prepare(made[way], questions)
            ranks[way] = [
                rank_of(made[way].search(asked.text, DEPTH), spans[asked.paragraph])
                for asked in squad.questions
            ]
        passages = len(library.passages(RagOptions()))
    answerable = [question.is_answerable for question in squad.questions]
    held_out = [q.is_answerable and not q.is_development for q in squad.questions]
    return {
        **_counted(ranks, answerable),
        "build_seconds": round(build, 3),
        "query_ms": times["hybrid"],
        "query_ms_each": times,
        "documents": {"kind": kind, "n": len(documents), "passages": passages},
        "questions": {
            "counted": sum(answerable),
            "unanswerable": len(answerable) - sum(answerable),
            "development": sum(q.is_development for q in squad.questions),
        },
        "unmapped": dict(squad.unmapped),
        "held_out": _counted(ranks, held_out),
        "with_unanswerable": _counted(ranks, [True] * len(answerable)),
    }


def _counted(ranks: Mapping[str, Sequence[int | None]], mask: Sequence[bool]) -> dict[str, Any]:
    chosen = {
        way: [rank for rank, counts in zip(found, mask, strict=True) if counts]
        for way, found in ranks.items()
    }
    return {way: figures(found) for way, found in chosen.items()}


def _milliseconds(retriever: Any, questions: Sequence[str]) -> float:
    """Median time of one question, embedding included: none may have been embedded before."""
    asked = questions[:: max(1, len(questions) // TIMED)][:TIMED]
    walls = []
    for question in asked:
        began = time.perf_counter()
        retriever.search(question, 10)
        walls.append(time.perf_counter() - began)
    return round(1e3 * statistics.median(walls), 2) if walls else 0.0


def surroundings(packages: Iterable[str] = PACKAGES) -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1),
        "threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "python": platform.python_version(),
        "versions": {name: _installed(name) for name in packages},
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def main() -> int:
    """Score a file and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--documents", choices=("paragraphs", "articles"), default="paragraphs")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON")
    chosen = parser.parse_args()
    try:
        squad = Squad.read(chosen.squad)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    if not squad.questions:
        parser.exit(1, f"{parser.prog}: {chosen.squad.name} holds no question that can be asked\n")
    document = {**scored(squad, chosen.documents), **surroundings()}
    if not chosen.json:
        for way in WAYS:
            print(f"{way:8}", *(f"{k} {v}" for k, v in document[way].items()))
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
