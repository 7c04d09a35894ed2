"""Scores predicted training times against published speeds: python score.py --rows FILE --json.

`--cross-validate` fits the constants again without each source in turn; `--write` keeps the result.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp, log
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from advisor import __version__  # noqa: E402
from advisor.catalog.throughput import throughput  # noqa: E402
from advisor.schema.throughput import Throughput  # noqa: E402
from advisor.stages.estimate.throughput.pace import time_spread  # noqa: E402
from advisor.stages.estimate.throughput.speed import (  # noqa: E402
    setting,
    step_seconds,
)
from benchmarks.throughput.crossing import left_out  # noqa: E402
from benchmarks.throughput.fit import fit  # noqa: E402
from benchmarks.throughput.rows import Case, read_cases, readings  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "throughput.json"
Document = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a row's measured time compares with the predicted interval."""

    case: Case
    ratio: float
    """Measured over likely time."""
    is_covered: bool


def main() -> int:
    """Score and print; the last thing on standard output is the JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="a table like throughput.csv")
    parser.add_argument("--json", action="store_true", help="only the document")
    parser.add_argument("--cross-validate", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"to {OUT.relative_to(ROOT)}")
    wanted = parser.parse_args()
    cases, unmapped = read_cases(wanted.rows)
    known = throughput()
    outcomes = [_outcome(case, known) for case in cases]
    document: Document = {
        **_figures([o for o in outcomes if o.case.in_stats]),
        "all_mapped": _figures(outcomes),
        "by_source": _by_source(outcomes),
        "unmapped": dict(unmapped.most_common()),
        "versions": _versions(),
    }
    if wanted.cross_validate:
        document["left_out"] = _cross_validated(cases, known)
    if wanted.write:
        OUT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if not wanted.json:
        _print_table(document)
    print(json.dumps(document))
    return 0


def _outcome(case: Case, known: Throughput) -> Outcome:
    """The likely time is the mean of the readings, the interval spans them all."""
    likely, low, high = [], [], []
    for work, batch in readings(case):
        at = setting(work, case.gpu, known)
        if at is None:
            msg = f"no rate for {case.gpu.id}"
            raise ValueError(msg)
        parts = step_seconds(work, at, batch)
        factors = time_spread(work, at, parts)
        seconds = parts.total * at.spread.interval.likely
        likely.append(log(seconds))
        low.append(seconds * factors[0])
        high.append(seconds * factors[1])
    ratio = case.seconds / exp(sum(likely) / len(likely))
    return Outcome(case, ratio, min(low) <= case.seconds <= max(high))


def _figures(outcomes: Sequence[Outcome]) -> Document:
    """The keys of the contract."""
    if not outcomes:
        return {"n": 0}
    ratios = np.array([outcome.ratio for outcome in outcomes])
    off = abs(np.log(ratios))
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    return {
        "n": len(outcomes),
        "p10": round(float(low), 3),
        "p50": round(float(middle), 3),
        "p90": round(float(high), 3),
        "within_1_25": round(float((off <= log(1.25)).mean()), 3),
        "within_1_5": round(float((off <= log(1.5)).mean()), 3),
        "within_2": round(float((off <= log(2)).mean()), 3),
        "coverage": round(float(np.mean([outcome.is_covered for outcome in outcomes])), 3),
    }


def _by_source(outcomes: Sequence[Outcome]) -> Document:
    """Figures of the rows in the statistics, by publisher."""
    counted = [outcome for outcome in outcomes if outcome.case.in_stats]
    sources = sorted({outcome.case.source for outcome in counted})
    return {s: _figures([o for o in counted if o.case.source == s]) for s in sources}


def _cross_validated(cases: Sequence[Case], known: Throughput) -> Document:
    """Every row predicted by constants fitted without its source.

    The widths of the intervals are those of the catalog, for what the other sources hold.
    """
    rows = left_out(cases, known, fit(cases, known))
    outcomes = [_outcome(row.case, row.known) for row in rows]
    return {
        **_figures([o for o in outcomes if o.case.in_stats]),
        "all_mapped": _figures(outcomes),
        "by_source": _by_source(outcomes),
        "by_evidence": {
            level: _figures(
                [
                    outcome
                    for row, outcome in zip(rows, outcomes, strict=True)
                    if row.evidence == level and row.case.in_stats
                ]
            )
            for level in known.spread
        },
    }


def _versions() -> Document:
    return {
        "advisor": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "measured_on": datetime.now(UTC).date().isoformat(),
    }


def _print_table(document: Document) -> None:
    """The tables a person reads, before the document."""
    for line in _lines("in sample", document):
        print(line)
    if "left_out" in document:
        for line in _lines("source left out", document["left_out"]):
            print(line)
    for reason, count in document["unmapped"].items():
        print(f"not mapped: {count:4} {reason}")


def _lines(title: str, figures: Document) -> Iterable[str]:
    yield f"{title:38}    n   p10   p50   p90  x1.25  x1.5    x2  cover"
    rows = {"rows in the statistics": figures, "all mapped rows": figures["all_mapped"]}
    for name, row in (rows | figures["by_source"]).items():
        yield (
            f"{name[:38]:38} {row['n']:4} {row['p10']:5.2f} {row['p50']:5.2f} {row['p90']:5.2f} "
            f"{row['within_1_25']:6.1%} {row['within_1_5']:5.1%} {row['within_2']:5.1%} "
            f"{row['coverage']:5.1%}"
        )


if __name__ == "__main__":
    sys.exit(main())
