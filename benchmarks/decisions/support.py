"""Which publications a decision rule speaks to, and what the advice is without it.

`python support.py --json` lists every decision rule with the sources it fires in and what the
advice on the development cases loses when it is switched off.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from advisor.resources import rules_root  # noqa: E402
from advisor.rulebook.conditions import facts_of, holds  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.rule import Rulebook  # noqa: E402
from benchmarks.decisions.advice import advice  # noqa: E402
from benchmarks.decisions.cases import Case  # noqa: E402
from benchmarks.decisions.judge import Verdict, judged  # noqa: E402
from benchmarks.decisions.table import DEVELOPMENT, Row, load  # noqa: E402
from benchmarks.decisions.votes import mean, rounded  # noqa: E402

TARGET = ROOT / "benchmarks" / "results" / "decisions_support.json"
FEWEST_OTHERS = 2
"""Other sources a rule must fire in to be kept when a source is left out strictly."""
Document = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Switch every rule off in turn; the last thing on standard output is the JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=DEVELOPMENT, help="a table like cases.jsonl")
    parser.add_argument("--rules", type=Path, default=rules_root(), help="another rules folder")
    parser.add_argument("--json", action="store_true", help="only the document")
    parser.add_argument("--write", action="store_true", help=f"to {TARGET.relative_to(ROOT)}")
    wanted = parser.parse_args(argv)
    document = supported(load(wanted.cases).rows, load_rulebook(wanted.rules))
    if wanted.write:
        TARGET.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if not wanted.json:
        _print_table(document)
    print(json.dumps(document))
    return 0


def supported(rows: Sequence[Row], rulebook: Rulebook) -> Document:
    """Every decision rule with its sources, and the points that the advice loses without it."""
    fires = firing(rulebook, [row.case for row in rows])
    before = {state: _verdicts(rows, rulebook, with_score=state) for state in (False, True)}
    rules = {
        rule: {
            "sources": len(sources),
            "cases": sum(rule in firing_rules(rulebook, row.case) for row in rows),
            **_without(rule, rows, rulebook, before),
        }
        for rule, sources in fires.items()
    }
    return {
        "rules": rules,
        "never_fire": sorted(rule for rule, sources in fires.items() if not sources),
        "fire_in_one_source": sorted(rule for rule, sources in fires.items() if len(sources) == 1),
        "versions": {"advisor": __version__, "rules": rulebook.digest},
        "date": datetime.now(UTC).date().isoformat(),
    }


def firing(rulebook: Rulebook, cases: Iterable[Case]) -> dict[str, frozenset[str]]:
    """For every active decision rule: the sources with a case in which it fires."""
    found: dict[str, set[str]] = {rule: set() for rule in _active(rulebook)}
    for case in cases:
        for rule in firing_rules(rulebook, case):
            found[rule].add(case.source)
    return {rule: frozenset(sources) for rule, sources in found.items()}


def firing_rules(rulebook: Rulebook, case: Case) -> frozenset[str]:
    """The decision rules that fire with the measured score or without."""
    known = [facts_of(profile) for profile in (case.profile, case.scored)]
    return frozenset(
        rule.id
        for rule in rulebook.rules
        if rule.kind == "decision"
        and rule.status == "active"
        and any(holds(rule.when, facts) is True for facts in known)
    )


def switched_off(rulebook: Rulebook, rules: Collection[str]) -> Rulebook:
    """The rulebook without some rules."""
    kept = tuple(rule for rule in rulebook.rules if rule.id not in rules)
    return rulebook.model_copy(update={"rules": kept})


def leaning_on(
    source: str, fires: Mapping[str, Collection[str]], fewest: int = FEWEST_OTHERS
) -> frozenset[str]:
    """The rules that fire in a source and in too few others to have been written without it."""
    return frozenset(
        rule for rule, sources in fires.items() if source in sources and len(sources) - 1 < fewest
    )


def _active(rulebook: Rulebook) -> list[str]:
    return [r.id for r in rulebook.rules if r.kind == "decision" and r.status == "active"]


def _without(
    rule: str, rows: Sequence[Row], rulebook: Rulebook, before: Mapping[bool, list[Verdict]]
) -> Document:
    """Acceptable points and regret that the rule brings; judged anew only where it fires."""
    touched = {row.case.id for row in rows if rule in firing_rules(rulebook, row.case)}
    book = switched_off(rulebook, {rule})
    told: Document = {}
    for with_score, name in ((False, "without_score"), (True, "with_score")):
        old = before[with_score]
        rows_touched = [verdict.row for verdict in old if verdict.row.case.id in touched]
        again = _verdicts(rows_touched, book, with_score=with_score)
        new = {verdict.row.case.id: verdict for verdict in again}
        changed = [new.get(verdict.row.case.id, verdict) for verdict in old]
        told[name] = {
            "picks_changed": sum(o.picked != n.picked for o, n in zip(old, changed, strict=True)),
            "acceptable_brought": _difference(old, changed, "acceptable", 100.0),
            "regret_spared": _difference(changed, old, "regret", 1.0),
        }
    return told


def _difference(
    one: Sequence[Verdict], other: Sequence[Verdict], key: str, scale: float
) -> float | None:
    """How much greater a figure is for the one, in points."""
    first, second = mean(one, key), mean(other, key)
    return None if first is None or second is None else rounded(scale * (first - second))


def _verdicts(rows: Sequence[Row], rulebook: Rulebook, *, with_score: bool) -> list[Verdict]:
    answers, _ = advice(rows, lambda _: rulebook, with_score=with_score)
    return [judged(row, answers.get(row.case.id)) for row in rows]


def _print_table(document: Document) -> None:
    print(f"{'rule':44} {'sources':>7} {'cases':>5}   without: accept regret   with: accept regret")
    for rule, row in sorted(document["rules"].items(), key=lambda item: -item[1]["sources"]):
        one, two = row["without_score"], row["with_score"]
        print(
            f"{rule:44} {row['sources']:7} {row['cases']:5}   "
            f"{one['acceptable_brought']:+15.2f} {one['regret_spared']:+6.2f}   "
            f"{two['acceptable_brought']:+12.2f} {two['regret_spared']:+6.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
