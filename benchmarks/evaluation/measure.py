"""Evaluation as a user meets it: speed against others, services, stopping early.

    python benchmarks/evaluation/measure.py [--missing] [--only NAME ...]

Each part is a module beside this one with `measure() -> dict` and, where it may be impossible,
`why_not() -> str`; its result stands in
benchmarks/results/<result>.json with date, machine, load and versions around it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"


class Part(NamedTuple):
    """One measurement: its module here, its result file, and the packages its figures hang on."""

    module: str
    result: str
    packages: tuple[str, ...]


PARTS: dict[str, Part] = {
    "harness": Part(
        "harness", "evaluation_harness", ("torch", "transformers", "tokenizers", "llguidance")
    ),
    "http": Part("http_service", "evaluation_http", ("openai", "httpx2", "tenacity")),
    "chance": Part("chance", "evaluation_statistics", ("scipy", "numpy")),
    "stopping": Part("stopping", "evaluation_stopping", ()),
    "stopping_demo": Part("stopping_demo", "evaluation_stopping_demo", ("transformers", "torch")),
}


def measured(part: Part) -> dict[str, Any]:
    """A part's figures with what they were measured on; load is taken before and after."""
    before = round(os.getloadavg()[0], 1)
    figures = importlib.import_module(part.module).measure()
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [before, round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in ("finetune-advisor", *part.packages)},
        **figures,
    }


def why_not(part: Part) -> str:
    """Why a part cannot be measured here; empty where it can."""
    ask = getattr(importlib.import_module(part.module), "why_not", str)
    return str(ask())


def installed(package: str) -> str:
    """A package's version; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def main() -> int:
    """Measure the parts asked for and write their results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only parts without a result yet")
    parser.add_argument("--only", nargs="*", choices=tuple(PARTS), help="these parts")
    chosen = parser.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    RESULTS.mkdir(exist_ok=True)
    for name in chosen.only or PARTS:
        place = RESULTS / f"{PARTS[name].result}.json"
        if chosen.missing and place.is_file():
            print(f"{place.name}: already measured")
            continue
        reason = why_not(PARTS[name])
        if reason:
            print(f"{place.name}: not measured: {reason}")
            continue
        document = measured(PARTS[name])
        place.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"{place.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
