"""The bundled tasks measured whole, and again with an early end: the same decisions, fewer answers?

The second run takes its answers from the first one's cache, so that only the early end differs. A
decision is whether the interval clears the task's target (above), stays under it (below), or
neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from advisor.bundled import bundled_settings, task_names

BUILDERS = ("zero_shot", "few_shot", "rag")


def measure() -> dict[str, Any]:
    """Decisions and answers of every baseline of every bundled task, whole and ended early."""
    rows = []
    for task in task_names():
        with tempfile.TemporaryDirectory() as folder:
            whole = _evaluations(task, Path(folder), "--no-stop-early")
            early = _evaluations(task, Path(folder), "--stop-early")
        rows += [_row(task, whole[name], early[name]) for name in BUILDERS if name in whole]
    asked, planned = sum(row["items"] for row in rows), sum(row["planned"] for row in rows)
    return {
        "baselines": len(rows),
        "decided_alike": sum(row["early"] == row["whole"] for row in rows),
        "decided_otherwise": sum(
            "undecided" not in (row["early"], row["whole"]) and row["early"] != row["whole"]
            for row in rows
        ),
        "items_asked": asked,
        "items_planned": planned,
        "share_asked": round(asked / planned, 3),
        "rows": rows,
    }


def _evaluations(task: str, folder: Path, stops: str) -> dict[str, Any]:
    chosen = bundled_settings(task).run
    command = [sys.executable, "-m", "advisor", "baseline", "--data", str(chosen.data)]
    command += ["--docs", str(chosen.docs)] if chosen.docs else []
    command += ["--answers", str(chosen.answers), "--builders", ",".join(BUILDERS), stops]
    command += ["--run-dir", str(folder / stops.strip("-")), "--quiet", "--json"]
    world = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=world)
    found = json.loads(done.stdout)
    return {
        evaluation["builder"]: evaluation | {"target": found["target"]}
        for evaluation in found["evaluations"]
    }


def _row(task: str, whole: dict[str, Any], early: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": task,
        "builder": whole["builder"],
        "target": whole["target"],
        "value": round(whole["value"], 4),
        "value_early": round(early["value"], 4),
        "whole": _decision(whole),
        "early": _decision(early),
        "items": early["n"],
        "planned": whole["n"],
    }


def _decision(evaluation: dict[str, Any]) -> str:
    interval, target = evaluation["interval"], evaluation["target"]
    if interval["low"] >= target:
        return "above"
    return "below" if interval["high"] < target else "undecided"
