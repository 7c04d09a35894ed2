"""Answers of the best baseline and of the tuned model to the same samples, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Section, Table, Text
from advisor.render.grid import Grid
from advisor.render.safe import UNKNOWN, words

if TYPE_CHECKING:
    from advisor.schema.report import Answer, FailureExample, Outcome, Report

TITLES: dict[Outcome, str] = {
    "broken": "Broken by tuning",
    "still_wrong": "Wrong before and after",
    "fixed": "Fixed by tuning",
    "wrong": "Wrong answers of the best baseline",
}
NO_ANSWER = "(nothing)"


def failures(report: Report) -> Section | None:
    """A table for each thing that tuning did to a sample, with how many there are in all."""
    if not report.failures:
        return None
    shown = tuple(
        outcome for outcome in TITLES if any(f.outcome == outcome for f in report.failures)
    )
    tables = tuple(_table(report, outcome) for outcome in shown)
    counts = ", ".join(
        f"{TITLES[outcome].lower()} {report.outcomes.get(outcome, 0):,}" for outcome in shown
    )
    told = f"Of the test samples that count: {counts}. The worst first, equally bad ones drawn."
    return Section("Failures side by side", (Text(told), *tables))


def _table(report: Report, outcome: Outcome) -> Table:
    found = [f for f in report.failures if f.outcome == outcome]
    in_all = report.outcomes.get(outcome, len(found))
    caption = f"{TITLES[outcome]} ({len(found):,} of {in_all:,} shown)"
    return Table(failures_grid(found), caption)


def failures_grid(found: list[FailureExample]) -> Grid:
    """What was asked and wanted, and what each system answered with its score."""
    if not found:
        return Grid((), ())
    has_tuned = any(f.tuned is not None for f in found)
    name = words(found[0].baseline.system)
    rows = tuple(
        (
            f.sample_id,
            UNKNOWN if f.input is None else f.input,
            UNKNOWN if f.target is None else f.target,
            *_cells(f.baseline),
            *(_cells(f.tuned) if has_tuned else ()),
        )
        for f in found
    )
    tuned = ("Tuned", "Score") if has_tuned else ()
    headers = ("Sample", "Asked", "Wanted", name[:1].upper() + name[1:], "Score", *tuned)
    return Grid(headers, rows, right=(4, 6) if has_tuned else (4,))


def _cells(answer: Answer | None) -> tuple[str, str]:
    if answer is None:
        return UNKNOWN, UNKNOWN
    told = answer.text or NO_ANSWER
    return f"{told} [{answer.note}]" if answer.note else told, f"{answer.score:.2f}"
