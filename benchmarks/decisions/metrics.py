"""The figures of a policy over all cases, and where it errs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.decisions.bootstrap import interval95
from benchmarks.decisions.judge import Verdict
from benchmarks.decisions.votes import mean, rounded

FIGURES = ("acceptable", "top", "good_enough", "regret", "harm", "brier")


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The keys of the contract, and how often the top of all approaches was measured."""
    answered = [verdict for verdict in verdicts if verdict.picked is not None]
    if not verdicts:
        return {"n": 0}
    return {
        "n": len(verdicts),
        "sources": len({verdict.source for verdict in verdicts}),
        **{key: rounded(mean(verdicts, key)) for key in FIGURES},
        "coverage": rounded(len(answered) / len(verdicts)),
        "first_measured": rounded(mean(verdicts, "first_measured")),
        "acceptable_ci95": interval95(verdicts, "acceptable"),
        "regret_ci95": interval95(verdicts, "regret"),
    }


def grouped(verdicts: Sequence[Verdict], key: Callable[[Verdict], object]) -> dict[str, Any]:
    """Acceptable rate, regret and count by what the key says of a case."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(str(key(verdict)), []).append(verdict)
    return {
        name: {
            "n": len(group),
            "sources": len({verdict.source for verdict in group}),
            "acceptable": rounded(mean(group, "acceptable")),
            "regret": rounded(mean(group, "regret")),
        }
        for name, group in sorted(groups.items())
    }


def misses(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The cases where the advice was not acceptable, dearest first."""
    found = [
        {
            "id": verdict.row.case.id,
            "advised": verdict.picked,
            "acceptable": sorted(verdict.row.case.acceptable),
            "regret": rounded(verdict.figures.get("regret")),
            "chance": rounded(verdict.confidence),
        }
        for verdict in verdicts
        if verdict.figures.get("acceptable") == 0
    ]
    return sorted(found, key=lambda miss: -(miss["regret"] or 0.0))
