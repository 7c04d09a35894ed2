"""Our entry in the peer harness: one run per line on standard input, one answer per line out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.memory.plans import UnmappedError  # noqa: E402
from benchmarks.memory.rows import case_of, predict  # noqa: E402


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """Peak and 10-90 % interval in GiB per GPU, or why there is none."""
    run, config = payload.get("normalized") or {}, payload.get("config") or {}
    try:
        found = predict(case_of(payload, run, config))
    except UnmappedError as error:
        return {"unsupported": str(error)}
    except (KeyError, TypeError, ValueError) as error:
        return {"unsupported": f"the row lacks something: {error!r}"}
    return {
        "peak_gib": round(found.likely, 4),
        "low_gib": round(found.low, 4),
        "high_gib": round(found.high, 4),
    }


def main() -> int:
    """Answer until the input ends."""
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
