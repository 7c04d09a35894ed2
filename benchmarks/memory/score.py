"""Scores our memory estimates against published peaks; JSON comes last on standard output."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from benchmarks.memory import table  # noqa: E402
from benchmarks.memory.scoring import Scored, fit, left_out, score_rows, tiers  # noqa: E402

TARGET = ROOT / "benchmarks" / "results" / "memory.json"


def _keep(item: Scored, options: argparse.Namespace) -> bool:
    gpus = item.run["num_gpus"]
    return not (
        (options.core and not item.is_core)
        or (options.gpus == "single" and gpus > 1)
        or (options.gpus == "multi" and gpus <= 1)
        or (options.grade and item.row.get("quality") not in set(options.grade))
        or (options.tier and item.case.tier != options.tier)
        or (options.source and item.row.get("source_key") != options.source)
    )


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", required=True, action="append", type=Path)
    parser.add_argument("--configs", required=True, action="append", type=Path)
    parser.add_argument("--oom", action="append", default=[], type=Path)
    parser.add_argument("--json", action="store_true", help="only the JSON document")
    parser.add_argument("--core", action="store_true", help="rows whose source states everything")
    parser.add_argument("--gpus", choices=("any", "single", "multi"), default="any")
    parser.add_argument("--grade", default="", help="quality grades to keep: A, AB")
    parser.add_argument("--tier", choices=("allocated", "reserved", "device", "unknown"))
    parser.add_argument("--source", help="only rows of this source_key")
    parser.add_argument("--cross-validate", action="store_true", help="leave sources out")
    parser.add_argument("--by-source", action="store_true", help="errors of every source")
    parser.add_argument("--write", action="store_true", help=f"record as {TARGET.name}")
    parser.add_argument("--worst", type=int, default=0, help="name the rows farthest off")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Score, print what was asked, JSON last."""
    options = _arguments(argv)
    configs = table.configs(options.configs)
    scored, unmapped = score_rows(list(table.keyed(options.rows)), configs)
    oom, not_oom = score_rows(list(table.keyed(options.oom)), configs)
    kept = [item for item in scored if _keep(item, options)]
    document: dict[str, Any] = {"tiers": tiers(kept), "fit": fit(scored, oom)}
    if options.by_source:
        names = sorted({item.row.get("source_key", "") for item in kept})
        document["sources"] = {
            name: tiers([i for i in kept if i.row.get("source_key", "") == name]) for name in names
        }
    if options.cross_validate:
        document["left_out"] = left_out(kept, configs)
    document["unmapped"] = dict((unmapped + not_oom).most_common())
    if options.write:
        record = recorded(scored, document, configs)
        TARGET.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if not options.json:
        _print_table(document["tiers"])
    _print_worst(kept, options.worst)
    print(json.dumps(document, indent=None if options.json else 1))
    return 0


def recorded(
    scored: list[Scored], document: dict[str, Any], configs: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """The views that the project promises figures for, in-sample and with sources left out."""
    core = [item for item in scored if item.is_core]
    alone = [i for i in core if i.run["num_gpus"] <= 1]
    tensors = [i for i in alone if i.case.tier == "allocated" and i.row.get("quality") == "A"]
    several = [i for i in core if i.run["num_gpus"] > 1]
    stated = [i for i in scored if i.row.get("quality") != "C" and i.case.tier != "unknown"]
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "advisor_version": __version__,
        "python": platform.python_version(),
        "core, one GPU, allocated, grade A": tiers(tensors)["allocated"],
        "core": tiers(core),
        "core, several GPUs": tiers(several),
        "grades A and B, stated tier": tiers(stated),
        "fit": document["fit"],
        "left_out": left_out(core, configs, fitted_on=scored),
        "unmapped": document["unmapped"],
    }


def _print_table(found: dict[str, dict[str, Any]]) -> None:
    columns = ("n", "median_abs", "p90_abs", "bias", "under5", "coverage", "above_high5")
    print(f"{'tier':10s} {'method':12s} " + " ".join(f"{c:>11s}" for c in columns))
    for tier, methods in found.items():
        for method, numbers in methods.items():
            cells = " ".join(f"{numbers.get(c, 0):11.4g}" for c in columns)
            print(f"{tier:10s} {method:12s} {cells}")


def _print_worst(kept: list[Scored], count: int) -> None:
    with_peak = [i for i in kept if i.measured]
    with_peak.sort(key=lambda i: -abs(i.answer.likely / (i.measured or 1) - 1))
    for item in with_peak[:count]:
        error = item.answer.likely / (item.measured or 1) - 1
        print(
            f"{item.id}: {error:+.1%} of {item.measured:.2f} GiB {item.case.tier} "
            f"({item.answer.memory.peak_phase}) {item.row.get('model')} {item.method} "
            f"b{item.run['mb']} s{item.run['seq']} x{item.run['num_gpus']}",
        )


if __name__ == "__main__":
    sys.exit(main())
