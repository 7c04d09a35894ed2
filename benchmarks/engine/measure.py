"""How long a thousand random profiles take to decide; writes benchmarks/results/engine.json.

    python benchmarks/engine/measure.py [--missing] [--profiles 1000] [--runs 3]

Every profile knows half of the vocabulary, with values on all sides of the rules' thresholds. The
decision is whole: order, chances, flips, open questions, next step. CPU time of one process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.errors import RuleConflictError  # noqa: E402
from advisor.resources import rules_root  # noqa: E402
from advisor.rulebook.engine import rank  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.profile import Profile  # noqa: E402
from tests.fixtures.profiles import random_profiles  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "engine.json"


def main() -> int:
    """Decide every profile in each run and write the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only when there is no result yet")
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.missing and RESULT.is_file():
        print(f"{RESULT.name}: already measured")
        return 0
    rulebook = load_rulebook(rules_root())
    profiles: list[Profile] = random_profiles(chosen.profiles)  # type: ignore[no-untyped-call]
    rank(profiles[0], rulebook)
    seconds, clashes = [], 0
    for _ in range(chosen.runs):
        began, clashes = time.process_time(), 0
        for profile in profiles:
            try:
                rank(profile, rulebook)
            except RuleConflictError:
                clashes += 1
        seconds.append(time.process_time() - began)
    document = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "rules": len(rulebook.rules),
        "profiles": len(profiles),
        "clashes": clashes,
        "cpu_seconds": round(statistics.median(seconds), 3),
        "cpu_seconds_best": round(min(seconds), 3),
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
