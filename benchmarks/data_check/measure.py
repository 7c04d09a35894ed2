"""`advisor data check` on a large file; writes benchmarks/results/data_check.json.

    python benchmarks/data_check/measure.py [--missing] [--megabytes 1000] [--out FILE]

A JSON Lines file of about one-kilobyte rows is written to a temporary folder, with a fault planted
in every 5000th row, and checked by the command in a process of its own. Kept are that process's
peak resident memory, the megabytes per second of the structural pass (reading the rows and looking
at their form: what `structural_seconds` of the check counts) and of the whole check, and for every
planted fault how many of its rows were found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.data_check.rows import Planted, write_rows  # noqa: E402

RESULT = Path(__file__).resolve().parent.parent / "results" / "data_check.json"
PACKAGES = ("finetune-advisor", "rensa", "py3langid", "numpy", "pydantic")
KIB_PER_MIB = 1024
MEGABYTE = 1_000_000


def run_check(path: Path, out: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """The command's document, and wall, CPU time and peak memory of its process."""
    command = [sys.executable, "-m", "advisor", "data", "check", str(path), "--json"]
    began = time.perf_counter()
    with out.open("wb") as stream:
        child = subprocess.Popen(command, stdout=stream, env=os.environ | {"OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"the check ended with {child.returncode}")
    figures = {
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / KIB_PER_MIB, 1),
    }
    return json.loads(out.read_text(encoding="utf-8")), figures


def found(document: dict[str, Any], planted: Planted) -> dict[str, dict[str, int]]:
    """Rows planted and rows listed under the same code, for every kind of fault."""
    listed = {problem["code"]: set(problem["rows"]) for problem in document["problems"]}
    return {
        code: {
            "planted": len(lines),
            "found": len(listed.get(code, set()) & set(lines)),
            "other_rows": len(listed.get(code, set()) - set(lines)),
        }
        for code, lines in sorted(planted.lines.items())
    }


def measure(megabytes: float) -> dict[str, Any]:
    """Write the file, check it, and hold what came out against what was planted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        planted = write_rows(path, size=int(megabytes * MEGABYTE))
        size = path.stat().st_size / MEGABYTE
        load = os.getloadavg()[0]
        document, figures = run_check(path, Path(folder) / "check.json")
    faults = found(document, planted)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(load, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "megabytes": round(size, 1),
        "rows": document["rows"],
        **figures,
        "structural_seconds": document["structural_seconds"],
        "structural_mb_per_second": round(size / document["structural_seconds"], 1),
        "whole_mb_per_second": round(size / document["seconds"], 2),
        "planted": sum(len(lines) for lines in planted.lines.values()),
        "found": sum(each["found"] for each in faults.values()),
        "faults": faults,
        "alarms_beside": sorted(
            problem["code"]
            for problem in document["problems"]
            if problem["severity"] != "note" and problem["code"] not in faults
        ),
        "looked_at": document["looked_at"],
    }


def main() -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    document = measure(chosen.megabytes)
    chosen.out.parent.mkdir(exist_ok=True)
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(
        f"{document['megabytes']} MB, {document['rows']} rows: {document['peak_mib']} MiB,"
        f" structural {document['structural_mb_per_second']} MB/s, whole"
        f" {document['whole_mb_per_second']} MB/s; {document['found']} of {document['planted']}"
        " planted faults found"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
