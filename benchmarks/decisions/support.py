"""Which publications a decision rule speaks to, and what the advice is without it.

`python support.py --json` lists every decision rule with the sources it fires in and what the
advice on the development cases loses when it is switched off.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.rule import Rulebook  # noqa: E402
from benchmarks.decisions import script  # noqa: E402
from benchmarks.decisions.advice import advice  # noqa: E402
from benchmarks.decisions.firing import firing, firing_rules, switched_off  # noqa: E402
from benchmarks.decisions.judge import Verdict, judged  # noqa: E402
from benchmarks.decisions.table import Row, load  # noqa: E402
from benchmarks.decisions.votes import mean, rounded  # noqa: E402

TARGET = "decisions_support.json"


def main(argv: list[str] | None = None) -> int:
    """Switch every rule off in turn; the last thing on standard output is the JSON document."""
    wanted = script.read(script.options(__doc__, TARGET), argv)
    document = supported(load(wanted.cases).rows, load_rulebook(wanted.rules))
    if not wanted.json:
        _print_table(document)
    return script.tell(document, wanted, TARGET)


def supported(rows: Sequence[Row], rulebook: Rulebook) -> script.Document:
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


def _without(
    rule: str, rows: Sequence[Row], rulebook: Rulebook, before: Mapping[bool, list[Verdict]]
) -> script.Document:
    """Acceptable points and regret that the rule brings; judged anew only where it fires."""
    touched = {row.case.id for row in rows if rule in firing_rules(rulebook, row.case)}
    book = switched_off(rulebook, {rule})
    told: script.Document = {}
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


def _print_table(document: script.Document) -> None:
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
