"""What a search over prompts finds, and how often by chance; writes results/prompts.json.

    python benchmarks/prompts/measure.py [--missing] [--repeats N] [--out FILE]

Two parts. Simulated: a model whose chance of a right answer is known for every prompt, so that it
can be told how often the search leaves the start for nothing and how much of what there is it
finds. Embedded: the builders with the embedded model on the bundled task `fields`, under its own
instruction and under two that say too little; chosen on the dev part, scored on the test part.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.schema.evaluation import Sample  # noqa: E402
from benchmarks.prompts import embedded, simulated  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "prompts.json"
DATA = ROOT / "advisor" / "builtin" / "tasks" / "fields" / "data.jsonl"
INSTRUCTIONS = ("Extract the order number from the message.", "Answer.", "Who wrote it?")
PACKAGES = ("finetune-advisor", "numpy", "sentence-transformers", "torch", "transformers")


def fields() -> list[Sample]:
    """The samples of the bundled task."""
    rows = map(json.loads, DATA.read_text(encoding="utf-8").splitlines())
    return [
        Sample(id=row["id"], input=row["prompt"], target=row["completion"], split=row["split"])
        for row in rows
    ]


def measure(repeats: int, folder: Path) -> dict[str, Any]:
    """All figures of the result."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    figures = {
        "repeats": repeats,
        "simulated": simulated.measure(repeats, folder),
        "embedded_model": embedded.measure(fields(), INSTRUCTIONS, folder),
    }
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "wall_seconds": round(time.perf_counter() - began, 1),
        **figures,
    }


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        document = measure(chosen.repeats, Path(scratch))
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    alike = document["simulated"]["all_prompts_alike"]
    print(f"all prompts alike: {alike['200_calls_150_dev']['changed']:.0%} of searches changed it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
