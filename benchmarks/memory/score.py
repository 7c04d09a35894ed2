"""Scores our memory estimates against published peaks; JSON comes last on standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.memory import bands, table  # noqa: E402
from benchmarks.memory.normalize import CORE_FIELDS  # noqa: E402
from benchmarks.memory.rows import Case, Prediction, described, predict  # noqa: E402


@dataclass(frozen=True)
class Scored:
    """A row with our answer."""

    id: str
    row: dict[str, str]
    run: dict[str, Any]
    case: Case
    answer: Prediction
    measured: float | None

    @property
    def method(self) -> str:
        """full, lora, qlora, or the row's own word for a rarer method."""
        return str(self.run["raw_method"] if self.run["approx_method"] else self.run["method"])

    @property
    def is_core(self) -> bool:
        """Whether the source states everything that decides memory."""
        missing = CORE_FIELDS & set(self.run["assumed"])
        return not missing and not self.run["approx_method"] and self.row.get("quality") != "C"


def score_rows(
    rows: list[tuple[str, dict[str, str]]], configs: dict[str, dict[str, str]]
) -> tuple[list[Scored], Counter[str]]:
    """Every row that can be mapped with our answer, and why the others cannot."""
    found, unmapped = [], Counter[str]()
    for name, row in rows:
        try:
            run, case = described(row, configs)
            answer = predict(case)
        except ValueError as error:
            unmapped[str(error)] += 1
            continue
        found.append(Scored(name, row, run, case, answer, table.measured_gib(row)))
    return found, unmapped


def tiers(scored: list[Scored]) -> dict[str, dict[str, Any]]:
    """Tier -> `all` and every method -> its errors."""
    groups: dict[str, dict[str, list[tuple[float, float, float, float]]]] = {}
    for item in scored:
        if item.measured:
            answer = item.answer
            entry = (item.measured, answer.likely, answer.low, answer.high)
            for tier in ("all", item.case.tier):
                methods = groups.setdefault(tier, {})
                methods.setdefault("all", []).append(entry)
                methods.setdefault(item.method, []).append(entry)
    return {
        tier: {method: table.summary(entries) for method, entries in sorted(methods.items())}
        for tier, methods in sorted(groups.items())
    }


def fit(scored: list[Scored], oom: list[Scored]) -> dict[str, Any]:
    """How often a verdict was wrong or left open, on runs that ended both ways."""
    found: dict[str, Any] = {}
    halves = []
    for kind, items, right in (("oom", oom, False), ("finished", scored, True)):
        known = [i for i in items if _card_is_known(i)]
        verdicts = Counter(str(i.answer.fits) for i in known)
        found[kind] = {
            "n": len(known),
            "called_fitting": verdicts["True"],
            "uncertain": verdicts["uncertain"],
            "called_impossible": verdicts["False"],
        }
        if known:
            halves.append((verdicts[str(right)] + verdicts["uncertain"] / 2) / len(known))
    if len(halves) == 2:
        found["balanced_accuracy"] = round(sum(halves) / 2, 4)
    return found


def _card_is_known(item: Scored) -> bool:
    is_named = "unknown" not in str(item.row.get("gpu")).lower()
    return bool(item.run["gpu_known"]) and is_named and item.row.get("quality") != "C"


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
        chosen = {item.id for item in kept}
        rows = [pair for pair in table.keyed(options.rows) if pair[0] in chosen]
        document["left_out"] = bands.left_out(bands.observe(rows, configs))
    document["unmapped"] = dict((unmapped + not_oom).most_common())
    if not options.json:
        _print_table(document["tiers"])
    _print_worst(kept, options.worst)
    print(json.dumps(document, indent=None if options.json else 1))
    return 0


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
