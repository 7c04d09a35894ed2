"""A word index of many passages: time, memory, size on disk; a million by extrapolation."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from itertools import accumulate
from pathlib import Path
from string import ascii_lowercase
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval.contestant import Clock  # noqa: E402

PACKAGES = ("finetune-advisor", "bm25s", "PyStemmer", "numpy")
WORDS, COMMON = 90, 200_000
"""Words of a passage; different words they are drawn from, beside a rare one per passage."""
QUERIES = 200
MORE = 1000
MEBIBYTE = 2**20
MILLION = 1_000_000


def measured(passages: int) -> dict[str, Any]:
    """In a process of its own, so that its memory is its own."""
    said = subprocess.run(
        [sys.executable, __file__, str(passages)], capture_output=True, text=True, check=True
    )
    figures: dict[str, Any] = json.loads(said.stdout)
    times = MILLION / passages
    grown = ("build_cpu_seconds", "index_mib_on_disk", "query_cpu_ms_p95", "build_mib")
    return {
        **figures,
        "million_if_all_grows_alike": {name: round(figures[name] * times, 1) for name in grown},
        "words": f"{WORDS} per passage, drawn by Zipf's law from {COMMON}, and one rare each",
    }


def texts(count: int) -> list[str]:
    """Passages whose words follow Zipf's law; the same on every run."""
    draw = random.Random(0)  # noqa: S311 - no secret
    weights = list(accumulate(1 / rank for rank in range(1, COMMON + 1)))
    common = [_word(rank) for rank in range(COMMON)]
    return [
        " ".join(draw.choices(common, cum_weights=weights, k=WORDS)) + f" code-{at}"
        for at in range(count)
    ]


def _word(number: int) -> str:
    """Letters alone: a word with digits in it would count as two terms."""
    letters = ""
    while number >= 0:
        number, rest = divmod(number, len(ascii_lowercase))
        letters, number = letters + ascii_lowercase[rest], number - 1
    return letters


def run(count: int) -> dict[str, Any]:
    """Build, search, store, open, add."""
    from advisor.schema.evaluation import Passage  # noqa: PLC0415 - after the clock's machine
    from rag_baseline.words.bm25 import Bm25Retriever  # noqa: PLC0415

    passages = [
        Passage(id=f"p{at}", document=f"d{at // 50}", text=text, start=0, end=len(text))
        for at, text in enumerate(texts(count + MORE))
    ]
    held, more = passages[:count], passages[count:]
    before = _from_now_on()
    with tempfile.TemporaryDirectory() as folder:
        retriever = Bm25Retriever(Path(folder))
        build = Clock()
        retriever.index(held)
        built_in = build.read()
        built = _bytes("VmHWM") - before
        draw = random.Random(1)  # noqa: S311 - no secret
        queries = [" ".join(draw.sample(draw.choice(held).text.split(), 8)) for _ in range(QUERIES)]
        walls = []
        for query in queries:
            clock = Clock()
            retriever.search(query, 10)
            walls.append(clock.read())
        found = [
            retriever.search(f"code-{at}", 1)[0].passage.id == f"p{at}"
            for at in range(0, count, 997)
        ]
        size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
        again = Bm25Retriever(Path(folder))
        clock = Clock()
        again.index(held)
        opened_in = clock.read()
        clock = Clock()
        retriever.add(more)
        retriever.search(queries[0], 10)
        added_in = clock.read()
    return {
        "passages": count,
        **_named("build", built_in),
        "build_mib": round(built / MEBIBYTE),
        **_named("open", opened_in),
        **_named("add_1000", added_in),
        "index_mib_on_disk": round(size / MEBIBYTE, 1),
        "query_ms_p50": round(1e3 * statistics.median(wall for wall, _ in walls), 2),
        "query_ms_p95": round(1e3 * statistics.quantiles((w for w, _ in walls), n=20)[-1], 2),
        "query_cpu_ms_p95": round(1e3 * statistics.quantiles((c for _, c in walls), n=20)[-1], 2),
        "rare_code_found_first": round(sum(found) / len(found), 4),
    }


def _named(what: str, seconds: tuple[float, float]) -> dict[str, float]:
    wall, cpu = seconds
    return {f"{what}_seconds": round(wall, 2), f"{what}_cpu_seconds": round(cpu, 2)}


def _from_now_on() -> int:
    """Resident bytes now; the peak is counted anew, so that what made the texts hides nothing."""
    with Path("/proc/self/clear_refs").open("w", encoding="ascii") as stream:
        stream.write("5")
    return _bytes("VmRSS")


def _bytes(name: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}:")]
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]))))
