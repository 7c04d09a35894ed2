"""Scores our advice against published outcomes: python score.py --cases FILE --json.

Sources that the rules were fitted on are judged by rules fitted without them.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.rule import Rulebook  # noqa: E402
from benchmarks.decisions import script  # noqa: E402
from benchmarks.decisions.advice import Books, advice, refitting  # noqa: E402
from benchmarks.decisions.bootstrap import paired  # noqa: E402
from benchmarks.decisions.calibration import (  # noqa: E402
    gain_forecast,
    reliability,
    selective,
)
from benchmarks.decisions.cases import Case  # noqa: E402
from benchmarks.decisions.fixed_orders import best_order, fixed_answers, rate_order  # noqa: E402
from benchmarks.decisions.judge import Verdict, judged  # noqa: E402
from benchmarks.decisions.metrics import grouped, misses, summary  # noqa: E402
from benchmarks.decisions.ranking import Answer  # noqa: E402
from benchmarks.decisions.rivals import (  # noqa: E402
    evidence_tree,
    evidence_tree_with_score,
    folklore,
)
from benchmarks.decisions.table import DEVELOPMENT, Row, Table, load  # noqa: E402

TARGET = "decisions.json"
OURS = {"without_score": False, "with_score": True}
TREES: Mapping[str, Callable[[Row], Answer]] = {
    "folklore": folklore,
    "evidence_tree": evidence_tree,
    "evidence_tree_with_score": evidence_tree_with_score,
}
Policies = dict[str, list[Verdict]]


def main(argv: list[str] | None = None) -> int:
    """Score and print; the last thing on standard output is the JSON document."""
    parser = script.options(__doc__, TARGET)
    parser.add_argument("--misses", action="store_true", help="list where the advice erred")
    wanted = script.read(parser, argv)
    document = scored(load(wanted.cases), load(DEVELOPMENT), load_rulebook(wanted.rules))
    if not wanted.json:
        _print_table(document)
    if wanted.misses:
        _print_misses(document)
    return script.tell(document, wanted, TARGET)


def scored(table: Table, development: Table, shipped: Rulebook) -> script.Document:
    """The document: our figures with and without the measured score, and every rival's."""
    rows, training = table.rows, [row.case for row in development.rows]
    books = Books(shipped, training, refitting())
    policies = {
        name: _judged(rows, answers) for name, answers in rival_answers(rows, training).items()
    }
    unmapped = dict(table.unmapped)
    for name, with_score in OURS.items():
        answers, unanswered = advice(rows, books.book_for, with_score=with_score)
        policies[name] = _judged(rows, answers)
        unmapped |= {f"{name}: {reason}": ids for reason, ids in unanswered.items()}
    evidence = {row.case.id: books.evidence_of(row.case.source) for row in rows}
    return {
        **{name: _ours(policies[name], evidence) for name in OURS},
        **{name: summary(found) for name, found in policies.items() if name not in OURS},
        "paired": _paired(policies),
        "left_out_strictly": _strictly(rows, replace(books, is_strict=True), policies),
        "in_sample_rules_as_shipped": {
            name: summary(found) for name, found in _by_other_books(rows, lambda _: shipped).items()
        },
        "scored_by": {word: list(evidence.values()).count(word) for word in set(evidence.values())},
        "unmapped": {reason: len(ids) for reason, ids in unmapped.items()},
        "unmapped_ids": unmapped,
        "versions": {
            "advisor": __version__,
            "python": platform.python_version(),
            "rules": shipped.digest,
        },
        "date": datetime.now(UTC).date().isoformat(),
    }


def _by_other_books(rows: Sequence[Row], book_for: Callable[[str], Rulebook]) -> Policies:
    """Our verdicts as they would be by other rulebooks."""
    return {
        name: _judged(rows, advice(rows, book_for, with_score=with_score)[0])
        for name, with_score in OURS.items()
    }


def _strictly(rows: Sequence[Row], books: Books, policies: Policies) -> script.Document:
    """The figures without rules that lean on a source, and the cases that such rules turned."""
    found = _by_other_books(rows, books.book_for)
    return {
        name: {
            **summary(verdicts),
            "turned": [
                {
                    "id": strict.row.case.id,
                    "with_rules": kept.picked,
                    "without": strict.picked,
                    "rules": sorted(books.leaning_on(strict.source)),
                }
                for kept, strict in zip(policies[name], verdicts, strict=True)
                if kept.figures.get("acceptable") != strict.figures.get("acceptable")
            ],
        }
        for name, verdicts in found.items()
    }


def rival_answers(rows: Sequence[Row], training: Sequence[Case]) -> dict[str, dict[str, Answer]]:
    """Every rival's answers by case id."""
    return {
        "fixed_order": fixed_answers(rows, training, best_order),
        "fixed_order_by_rate": fixed_answers(rows, training, rate_order),
        **{name: {row.case.id: tree(row) for row in rows} for name, tree in TREES.items()},
    }


def _judged(rows: Sequence[Row], answers: Mapping[str, Answer]) -> list[Verdict]:
    return [judged(row, answers.get(row.case.id)) for row in rows]


def _ours(verdicts: list[Verdict], evidence: Mapping[str, str]) -> script.Document:
    """The contract's keys and what helps to understand them."""
    groups = {
        word: [v for v in verdicts if evidence[v.row.case.id] == word]
        for word in sorted(set(evidence.values()))
    }
    return {
        **summary(verdicts),
        "by_evidence": {word: summary(found) for word, found in groups.items()},
        "same_model": summary([v for v in verdicts if v.row.is_same_model]),
        "calibration": reliability(verdicts),
        "selective": selective(verdicts),
        "gain_forecast": gain_forecast(verdicts),
        "by_task_kind": grouped(verdicts, lambda v: v.row.case.task_kind),
        "by_year": grouped(verdicts, lambda v: v.row.year),
        "misses": misses(verdicts),
    }


def _paired(policies: Policies) -> script.Document:
    """Ours against every rival on the same cases."""
    rivals = [name for name in policies if name not in OURS]
    return {
        ours: {rival: paired(policies[ours], policies[rival]) for rival in rivals} for ours in OURS
    }


def _print_table(document: script.Document) -> None:
    print(
        f"{'policy':26} {'n':>4} {'accept':>7} {'95 %':>15} {'regret':>7} {'harm':>6} {'brier':>6}"
    )
    names = [*OURS, *(name for name in document if "fixed_order" in name or name in TREES)]
    rows = {name: document[name] for name in names}
    rows |= {f"strict, {n}": found for n, found in document["left_out_strictly"].items()}
    rows |= {
        f"in sample, {n}": found for n, found in document["in_sample_rules_as_shipped"].items()
    }
    for name, row in rows.items():
        cells = (
            _cell(row.get(key), wide) for key, wide in (("regret", 7), ("harm", 6), ("brier", 6))
        )
        interval = row.get("acceptable_ci95") or ("", "")
        print(
            f"{name:26} {row['n']:4} {_cell(row.get('acceptable'), 7)} "
            f"{interval[0]!s:>7}-{interval[1]!s:<7} {' '.join(cells)}"
        )
    for reason, count in document["unmapped"].items():
        print(f"not mapped: {count:4} {reason}")


def _cell(value: float | None, wide: int) -> str:
    return f"{'-':>{wide}}" if value is None else f"{value:{wide}.3f}"


def _print_misses(document: script.Document) -> None:
    for name in OURS:
        print(f"not acceptable, {name}:")
        for miss in document[name].get("misses", []):
            right = ", ".join(miss["acceptable"])
            print(f"  {miss['id']:32} {miss['advised']:20} not {right} ({miss['regret']})")


if __name__ == "__main__":
    sys.exit(main())
