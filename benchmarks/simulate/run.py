"""Traces every case of `plans.py` that the results lack, one after the other; needs extra train.

python benchmarks/simulate/run.py [--results FILE] [--only PREFIX]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from plans import Case, cases
from shapes import configuration

RESULTS = Path(__file__).resolve().parent.parent / "results" / "simulated_plans.jsonl"


def main() -> None:
    """Append one line per traced case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", default="", help="only cases whose id begins with this")
    given = parser.parse_args()
    done = {json.loads(line)["id"] for line in _lines(given.results)}
    missing = [c for c in cases() if c.id not in done and c.id.startswith(given.only)]
    for case in missing:
        row = _in_child(case)
        with given.results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        shown = row.get("error") or f"{row['allocated_gib']:.2f} GiB in {row['seconds']:.1f} s"
        print(case.id, case.shape, case.plan.method, shown, flush=True)


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _in_child(case: Case) -> dict[str, Any]:
    """The case's row; a child traces it, since some operations abort the process."""
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
    head = {
        "id": case.id,
        "shape": case.shape,
        "layers": case.layers,
        "plan": case.plan.model_dump(exclude_defaults=True),
    }
    return head | (json.loads(text) if text else {"error": "the process was aborted"})


if __name__ == "__main__":
    main()
