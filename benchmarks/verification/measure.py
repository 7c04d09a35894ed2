"""How often verification keeps, discards and vetoes wrongly and rightly; results/verification.json.

    python benchmarks/verification/measure.py [--missing] [--runs N] [--out FILE] [--rows SETTING]

Every setting of `simulated.py` is drawn so many times, its truth known: equal models, better ones
by 5 and 15 points, shuffled labels, a segment that got worse under a better mean, segments in which
nothing differs. Verdicts are those of `advisor.stages.verify`. What is slow (a bootstrap or a
permutation in every repetition, segments of 500 samples) is drawn less often, as `runs` says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import product
from math import comb
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.evaluation.detectable import PROOF_ERROR, PROOF_LEVEL  # noqa: E402
from benchmarks.verification import simulated as sim  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "verification.json"
RUNS = 2000
COSTLY = 4
"""Settings with a bootstrap, or many segments of many samples, are drawn so much less often."""
MANY = 500


class Setting(NamedTuple):
    """One row: what is drawn, what is true of it, and how."""

    name: str
    truth: dict[str, Any]
    draw: Callable[[sim.Draw], sim.World]
    is_costly: bool = False
    is_of_totals: bool = False


def settings() -> Iterator[Setting]:
    """Every setting."""
    yield from _pairs()
    yield from _several()
    yield from _kinds()
    yield from _segments()


def _pairs() -> Iterator[Setting]:
    for gain in (0.0, 0.05, 0.15):
        for n in (50, 100, 200, 500):
            for differ in (0.05, 0.15, 0.3, 0.45):
                if gain <= differ:
                    truth = {"n": n, "discordant": differ, "gain": gain}
                    yield Setting("pair", truth, partial(sim.two, n=n, differ=differ, gain=gain))
    for n in (50, 200):
        yield Setting("shuffled labels", {"n": n}, partial(sim.shuffled, n=n))


def _several() -> Iterator[Setting]:
    for gain, differ, count in product((0.0, 0.15), (0.3, 0.45), (2, 3, 4, 6)):
        truth = {"n": 200, "discordant": differ, "gain": gain, "baselines": count}
        yield Setting(
            "equal baselines",
            truth,
            partial(sim.several, n=200, differ=differ, gain=gain, count=count),
        )
    for gain, count in product((0.0, 0.15), (2, 3, 6)):
        yield Setting(
            "one baseline ahead of the others",
            {"n": 200, "discordant": 0.45, "gain": gain, "baselines": count},
            partial(sim.behind, n=200, differ=0.45, gain=gain, count=count),
        )


def _kinds() -> Iterator[Setting]:
    for gain in (0.0, 0.15):
        for n in (60, 200):
            truth = {"n": n, "gain": gain}
            yield Setting("graded", truth, partial(sim.graded, n=n, gain=gain), is_costly=True)
            yield Setting(
                "documents of 5",
                truth,
                partial(sim.documents, n=n, gain=gain),
            )
        apart = {"n": 200, "discordant": 0.3, "gain": gain}
        yield Setting(
            "summed totals",
            apart,
            partial(sim.totals, n=200, differ=0.3, gain=gain),
            is_costly=True,
            is_of_totals=True,
        )
        yield Setting(
            "watched", apart, partial(sim.watched, n=200, differ=0.3, gain=gain), is_costly=True
        )


def _segments() -> Iterator[Setting]:
    for n in (200, 500):
        for gain in (0.0, 0.15):
            truth = {"n": n, "discordant": 0.3, "gain": gain, "segments": "all alike"}
            yield Setting(
                "segments",
                truth,
                partial(sim.parted, n=n, differ=0.3, gain=gain),
                is_costly=n >= MANY,
            )
    for worse, loss in ((29, 0.3), (30, 0.3), (60, 0.15), (100, 0.15), (200, 0.15), (400, 0.15)):
        n = 5 * worse
        truth = {"n": n, "discordant": 0.3, "gain": 0.15, "worse_by": loss, "worse_items": worse}
        yield Setting(
            "one label got worse",
            truth,
            partial(sim.parted, n=n, differ=0.3, gain=0.15, loss=loss, worse=worse),
            is_costly=n >= MANY,
        )


def row(setting: Setting, runs: int) -> dict[str, Any]:
    """Shares of the verdicts of one setting, and how often a segment vetoed."""
    count = max(1, runs // COSTLY) if setting.is_costly else runs
    verdicts: Counter[str] = Counter()
    vetoed = planted = 0
    for seed in range(count):
        draw = random.Random(f"{setting.name} {seed}")  # noqa: S311 - simulation
        found = setting.draw(draw).verdict(is_of_totals=setting.is_of_totals)
        verdicts[found.verdict] += 1
        worse = [segment.name for segment in found.segments if segment.is_worse]
        vetoed += bool(worse)
        planted += "label 0" in worse
    told = {"setting": setting.name, **setting.truth, "runs": count}
    told |= {word: verdicts[word] / count for word in ("keep", "discard", "inconclusive")}
    if setting.name in ("segments", "one label got worse"):
        told |= {"vetoed": vetoed / count, "label_0_seen": planted / count}
    return told


def more_items(runs: int) -> list[dict[str, Any]]:
    """What `more_items` promises, tried: how often so many samples more decide, 4 of 5 expected."""
    found = []
    for n, differ, gain in ((60, 0.3, 0.1), (100, 0.3, 0.0), (100, 0.2, 0.03), (80, 0.45, 0.15)):
        only_tuned, only_best = round(n * (differ + gain) / 2), round(n * (differ - gain) / 2)
        both = n // 2 - only_best
        best = [1.0] * (both + only_best) + [0.0] * (n - both - only_best)
        tuned = [1.0] * both + [0.0] * only_best + [1.0] * only_tuned
        tuned += [0.0] * (n - len(tuned))
        seen = sim.World(sim.measured("tuned", tuned), (sim.measured("b0", best),)).verdict()
        more = seen.more_items or 0
        true_gain, apart = (only_tuned - only_best) / n, (only_tuned + only_best) / n
        decided = sum(
            sim.two(random.Random(seed), n + more, apart, true_gain).verdict().verdict  # noqa: S311
            != "inconclusive"
            for seed in range(runs)
        )
        found.append(
            {
                "n": n,
                "discordant": round(apart, 3),
                "gain": round(true_gain, 3),
                "verdict": seen.verdict,
                "more_items": more,
                "decided": decided / runs,
                "runs": runs,
            }
        )
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that the proof is held to."""
    equal = [one for one in rows if one.get("gain") == 0 and "worse_by" not in one]
    worst = max(equal, key=lambda one: one["keep"])
    asked = next(
        one
        for one in rows
        if (one["setting"], one.get("n"), one.get("discordant"), one.get("gain"))
        == ("pair", 200, 0.45, 0.15)
    )
    cheap = [one["keep"] for one in equal if one["runs"] == max(r["runs"] for r in rows)]
    return {
        "worst_wrong_keep": worst["keep"],
        "worst_wrong_keep_setting": worst["setting"],
        "worst_wrong_keep_of_0_1_scores": max(cheap),
        "bound_of_wrong_keep": round(PROOF_ERROR, 6),
        "chance_at_the_bound_that_190_of_200_are_not_kept": round(
            _at_most(10, 200, PROOF_ERROR), 4
        ),
        "kept_at_15_points_200_items_45_percent_discordant": asked["keep"],
        "kept_there_with_four_equally_good_baselines": next(
            one["keep"]
            for one in rows
            if (one["setting"], one.get("discordant"), one.get("gain"), one.get("baselines"))
            == ("equal baselines", 0.45, 0.15, 4)
        ),
        "shuffled_labels_discarded": min(
            one["discard"] for one in rows if one["setting"] == "shuffled labels"
        ),
        "worst_false_veto": max(one["vetoed"] for one in rows if one.get("segments")),
    }


def _at_most(most: int, n: int, rate: float) -> float:
    return sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(most + 1))


def document(runs: int) -> dict[str, Any]:
    """Everything, with what it was measured on."""
    before, begun = round(os.getloadavg()[0], 1), time.perf_counter()
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(partial(row, runs=runs), settings()))
    promised = more_items(runs)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [before, round(os.getloadavg()[0], 1)],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("finetune-advisor", "scipy", "numpy")},
        "seconds": round(time.perf_counter() - begun),
        "level": PROOF_LEVEL,
        "summary": summary(rows),
        "settings": rows,
        "more_items": promised,
    }


def with_rows(name: str, runs: int, known: dict[str, Any]) -> dict[str, Any]:
    """The document with the rows of one setting measured anew, and when that was."""
    wanted = [setting for setting in settings() if setting.name == name]
    if not wanted:
        sys.exit(f"There is no setting {name!r}: {', '.join(sorted({s.name for s in settings()}))}")
    with ProcessPoolExecutor() as pool:
        fresh = list(pool.map(partial(row, runs=runs), wanted))
    rows = [one for one in known["settings"] if one["setting"] != name] + fresh
    today = datetime.now(UTC).date().isoformat()
    again = known.get("measured_again", {}) | {
        name: {"on": today, "load_average": round(os.getloadavg()[0], 1)}
    }
    return known | {"summary": summary(rows), "settings": rows, "measured_again": again}


def written(
    document: Callable[[int], dict[str, Any]],
    result: Path,
    *,
    about: str,
    runs: int,
    shown: str,
    renewed: Callable[[str, int, dict[str, Any]], dict[str, Any]] | None = None,
) -> int:
    """Measure as the command line asks, write the document and print one part of it.

    With `renewed` some rows of a document that is there can be measured by themselves.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only where there is no result yet")
    parser.add_argument("--runs", type=int, default=runs, help="repetitions of a setting")
    parser.add_argument("--out", type=Path, default=result, help="file of the result")
    if renewed is not None:
        parser.add_argument("--rows", help="measure the rows of this setting alone, keep others")
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.is_file():
        print(f"{chosen.out.name}: already measured")
        return 0
    if renewed is not None and chosen.rows:
        known = json.loads(chosen.out.read_text(encoding="utf-8"))
        found = renewed(chosen.rows, chosen.runs, known)
    else:
        found = document(chosen.runs)
    chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found[shown], indent=1))
    return 0


def main() -> int:
    """Measure and write."""
    about = __doc__ or ""
    return written(document, RESULT, about=about, runs=RUNS, shown="summary", renewed=with_rows)


if __name__ == "__main__":
    sys.exit(main())
