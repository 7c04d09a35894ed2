"""Puts the figures of benchmarks/results/*.json into README.md, between markers.

    python scripts/update_readme.py           write them
    python scripts/update_readme.py --check   exit 1 when README.md holds other figures

A block runs from `<!-- figures: NAME -->` to `<!-- end: NAME -->`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.readme_blocks import (
    decisions_block,
    demo_block,
    finding_block,
    measuring_block,
    memory_block,
    memory_peers_block,
    proving_block,
    startup_block,
    throughput_block,
    training_block,
)

README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results"
BLOCK = re.compile(
    r"(?P<start><!-- figures: (?P<name>\w+) -->\n)(?P<body>.*?)(?P<end><!-- end: (?P=name) -->)",
    re.DOTALL,
)


BLOCKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "decisions": decisions_block,
    "demo": demo_block,
    "startup": startup_block,
    "memory": memory_block,
    "memory_peers": memory_peers_block,
    "throughput": throughput_block,
}


SEVERAL: dict[str, tuple[Callable[[dict[str, dict[str, Any]]], str], tuple[str, ...]]] = {
    "measuring": (
        measuring_block,
        ("evaluation_harness", "evaluation_http", "evaluation_stopping", "data_check"),
    ),
    "training": (training_block, ("training_speed", "training_packing", "forgetting")),
    "proving": (proving_block, ("verification", "exports", "report")),
    "finding": (finding_block, ("retrieval", "retrieval_vectors", "labels")),
}
"""Blocks out of several result files."""


def body(name: str) -> str:
    """The text of one block from its result file or files."""
    if name in SEVERAL:
        block, files = SEVERAL[name]
        missing = [file for file in files if not (RESULTS / f"{file}.json").is_file()]
        if missing:
            return f"*(not measured yet: {', '.join(missing)})*\n"
        return block({f: json.loads((RESULTS / f"{f}.json").read_text("utf-8")) for f in files})
    file = RESULTS / f"{name}.json"
    if not file.is_file():
        return f"*(not measured yet: no benchmarks/results/{file.name})*\n"
    return BLOCKS[name](json.loads(file.read_text(encoding="utf-8")))


def updated(text: str) -> str:
    """README with every block filled from its result."""
    return BLOCK.sub(lambda found: found["start"] + body(found["name"]) + found["end"], text)


def main() -> int:
    """Write README.md, or with --check tell whether its figures are those of the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
    check = parser.parse_args().check
    before = README.read_text(encoding="utf-8")
    missing = set(BLOCKS) - {found["name"] for found in BLOCK.finditer(before)}
    if missing:
        print(f"README.md has no block for: {', '.join(sorted(missing))}")
        return 1
    after = updated(before)
    if after == before:
        return 0
    if check:
        print("README.md holds figures that are not those of benchmarks/results: run `make docs`.")
        return 1
    README.write_text(after, encoding="utf-8")
    print("Written: README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
