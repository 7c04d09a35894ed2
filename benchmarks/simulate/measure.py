"""Traces the plans of `plans.py` without weights; writes benchmarks/results/simulated_plans.json.

    python benchmarks/simulate/measure.py [--missing] [--only PREFIX]

Needs the extra `train` and about 15 minutes of one core. Every plan is traced in a child, since
some operations on tensors without content abort the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.simulate.plans import Case, cases  # noqa: E402
from benchmarks.simulate.shapes import configuration  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "simulated_plans.json"
PACKAGES = ("torch", "transformers", "peft", "trl")
KEPT = ("allocated_gib", "phases_gib", "trainable_parameters", "seconds")
SAVE_EVERY = 10


def main() -> None:
    """Trace every case, or with --missing those that the results lack or hold otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="only what the results lack")
    parser.add_argument("--only", default="", help="only cases whose id begins with this")
    given = parser.parse_args()
    known = {row["id"]: row for row in stored()}
    rows = []
    for case in cases():
        head = head_of(case)
        row = known.get(case.id)
        is_known = row is not None and all(row[key] == value for key, value in head.items())
        if row is None or not (is_known and (given.missing or not case.id.startswith(given.only))):
            row = traced(case)
            print(case.id, case.shape, case.plan.method, row.get("allocated_gib"), flush=True)
        rows.append(row)
        if len(rows) % SAVE_EVERY == 0:
            save([*rows, *(known[k] for k in known if k not in {r["id"] for r in rows})])
    save(rows)


def stored() -> list[dict[str, Any]]:
    """The rows of the results, none where there are none yet."""
    if not RESULT.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(RESULT.read_text(encoding="utf-8"))["rows"]
    return rows


def head_of(case: Case) -> dict[str, Any]:
    """What a row says of its case."""
    plan = case.plan.model_dump(mode="json", exclude_defaults=True)
    return {"id": case.id, "shape": case.shape, "layers": case.layers, "plan": plan}


def save(rows: list[dict[str, Any]]) -> None:
    """One row a line."""
    head = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    lines = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in rows)
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + lines + "\n ]\n}\n"
    fresh = RESULT.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(RESULT)


def traced(case: Case) -> dict[str, Any]:
    """The case's row, or one with the reason why there is none."""
    import peft  # noqa: F401, PLC0415 - loaded once, for all children

    from trainers.engines.trl import _trace  # noqa: PLC0415 - needs extra train

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = _trace.follow(case.plan, configuration(case.shape, case.layers))
        except Exception as error:  # noqa: BLE001 - the row says what went wrong
            answer = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
        with os.fdopen(writing, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return head_of(case) | shortened(json.loads(text or '{"error": "the process was aborted"}'))


def shortened(answer: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an answer, in GiB with five digits."""
    if "error" in answer:
        return {"error": answer["error"]}
    kept = {key: answer[key] for key in KEPT}
    kept["phases_gib"] = {phase: round(size, 5) for phase, size in kept["phases_gib"].items()}
    return kept | {
        "allocated_gib": round(kept["allocated_gib"], 5),
        "seconds": round(kept["seconds"], 1),
    }


if __name__ == "__main__":
    main()
