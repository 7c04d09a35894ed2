"""Keeps facts and figures of a table of outcomes as `development.jsonl`: no texts, no titles."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.decisions.table import DEVELOPMENT, is_same_model  # noqa: E402

KEPT = (
    "id",
    "year",
    "task_kind",
    "value_kind",
    "best_family",
    "acceptable_families",
    "good_enough_family",
    "clearly_worse",
    "tolerance",
    "weight",
    "lower_is_better",
)
ARM = ("metric", "value")


def main(argv: list[str] | None = None) -> int:
    """Write the table and say how many rows it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="a table like cases.jsonl")
    parser.add_argument("--out", type=Path, default=DEVELOPMENT)
    wanted = parser.parse_args(argv)
    lines = wanted.cases.read_text(encoding="utf-8").splitlines()
    kept = [compact(json.loads(line)) for line in lines if line.strip()]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
    wanted.out.write_text(text, encoding="utf-8")
    print(f"{len(kept)} rows of {len({row['source']['url'] for row in kept})} sources")
    return 0


def compact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's facts and figures, in the columns it came in; what is unknown is left out."""
    known = {key: row[key] for key in KEPT if row.get(key) is not None}
    return known | {
        "source": {"url": row["source"]["url"]},
        "scenario": {key: value for key, value in row["scenario"].items() if value is not None},
        "measured": {
            arm: {key: entry[key] for key in ARM} for arm, entry in row["measured"].items()
        },
        "same_model": is_same_model(row),
    }


if __name__ == "__main__":
    sys.exit(main())
