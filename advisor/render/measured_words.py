"""Sentences on a measurement: what was spent, why it ended, what the samples can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import Grid
from advisor.render.proof_words import level_header
from advisor.render.safe import UNKNOWN, percent, percent_range, words
from advisor.render.search_grids import stories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.baseline import Baselines
    from advisor.schema.evaluation import Comparison, Evaluation, MetricValue, Stopping
    from advisor.schema.purse import Bill
    from advisor.schema.report import Report

EVENTS = {
    "rate_limited": "asked to slow down",
    "server_error": "server errors",
    "timeout": "time-outs",
    "connection_reset": "broken connections",
    "malformed_answer": "answers that could not be read",
    "empty_choices": "empty answers",
    "other_model": "answered by another model",
    "usage_estimated": "tokens estimated, not counted",
}


NOTICED_MS = 1.0
"""Milliseconds to build a prompt from which on they are told."""
FEW_SYSTEMS = 3
"""Up to so many, every pair is shown."""


def recommended_label(report: Report) -> str:
    """How the recommended approach is named: what was tuned may have been discarded since."""
    proof = report.verification
    if proof is None or proof.verdict == "keep":
        return "Recommended"
    return "Recommended before it was verified"


def latency_words(evaluations: Sequence[Evaluation]) -> str:
    """What p95 is, and that times of different days are not to be compared; empty without any."""
    if all(one.latency_ms.p95 is None for one in evaluations):
        return ""
    return (
        "p95: 19 of 20 answers took no longer. Times hang on what else the machine did, so those "
        "of systems measured at different times tell little of which is faster."
    )


def shown_comparisons(baselines: Baselines) -> tuple[Comparison, ...]:
    """Every pair of a few systems; of many, those with the best. The document holds them all."""
    if len(baselines.evaluations) <= FEW_SYSTEMS:
        return baselines.comparisons
    return tuple(c for c in baselines.comparisons if baselines.best in (c.a, c.b))


def measured_remarks(baselines: Baselines) -> tuple[str, ...]:
    """Everything beyond the tables, one sentence each."""
    found = [c.sentence for c in shown_comparisons(baselines) if c.sentence]
    found += stories(baselines.evaluations)
    found += [stopped_sentence(e) for e in baselines.evaluations if e.stopping is not None]
    if any(also.interval for e in baselines.evaluations if e.ended == "decided" for also in e.also):
        found.append(
            "Intervals of further metrics do not allow for an early end: take them for a little too"
            " narrow where a system was decided early."
        )
    found += _building(baselines.evaluations)
    found += [_happened(e) for e in baselines.evaluations if e.events]
    if baselines.bill is not None:
        found += _paid(baselines.bill)
    if baselines.detectable is not None:
        found.append(
            f"All test samples together show a gain of {100 * baselines.detectable:.0f} points or"
            " more over the best in 4 of 5 repetitions; smaller ones may pass unseen."
        )
    if baselines.test_uses is not None and baselines.test_uses > len(baselines.evaluations):
        found.append(f"Systems measured on this test part so far: {baselines.test_uses}.")
    if baselines.learning_curve is not None:
        found.append(baselines.learning_curve.sentence)
    return tuple(found)


def also_grid(evaluations: Sequence[Evaluation]) -> Grid:
    """Further metrics, one row for each system and metric."""
    rows = tuple(
        (words(e.builder), also.metric, _value(also), _range(also), f"{also.n:,}")
        for e in evaluations
        for also in e.also
    )
    level = level_header("interval", (also.interval for e in evaluations for also in e.also))
    return Grid(("System", "Also", "Value", level, "n"), rows, right=(2, 3, 4))


def _value(also: MetricValue) -> str:
    if also.value is None:
        return UNKNOWN
    return f"{also.value:,.4g} {also.unit}" if also.unit else percent(also.value)


def _range(also: MetricValue) -> str:
    return percent_range(also.interval.low, also.interval.high) if also.interval else ""


def stopped_sentence(evaluation: Evaluation) -> str:
    """Why a watched evaluation ended, and how sure that is; empty for one that was not watched."""
    stopping = evaluation.stopping
    if stopping is None:
        return ""
    name, used = words(evaluation.builder), f"{stopping.items_used} of {stopping.items_planned}"
    passed = ""
    if stopping.skipped:
        passed = f" ({stopping.skipped} of these have no score, or none yet, and decided nothing)"
    if stopping.decision == "undecided":
        asked = _answer(stopping, "above")
        return (
            f"{name}: {used} samples{passed} did not decide whether it is {asked}. Its interval is"
            " a little wider for having been watched."
        )
    saved = f"{percent(stopping.saved_share, 0)} of the samples"
    if stopping.saved_usd:
        saved += f" and about {stopping.saved_usd:.2f} dollars"
    return (
        f"{name}: decided after {used} samples{passed} that it is"
        f" {_answer(stopping, stopping.decision)}; the chance that this was decided wrongly is at"
        f" most {100 * stopping.error_rate:g} %; saved {saved}."
    )


def _answer(stopping: Stopping, decision: str) -> str:
    """What was decided, in words: of a target, or of another system."""
    if stopping.rival:
        return f"{'better' if decision == 'above' else 'worse'} than {words(stopping.rival)}"
    return f"{decision} {percent(stopping.against)}"


def _building(evaluations: Sequence[Evaluation]) -> list[str]:
    """What building a prompt took where that can be noticed: one sentence for all."""
    slow = [
        f"{words(e.builder)} {e.building_ms.p50:,.0f} ms"
        for e in evaluations
        if e.building_ms is not None and (e.building_ms.p50 or 0) > NOTICED_MS
    ]
    if not slow:
        return []
    told = f"To build a prompt (retrieval, reranking) took, at the median: {', '.join(slow)}"
    return [f"{told}; the times of answers do not hold it."]


def _happened(evaluation: Evaluation) -> str:
    told = ", ".join(
        f"{EVENTS.get(name, name.replace('_', ' '))} {count}x"
        for name, count in evaluation.events.items()
    )
    return f"{words(evaluation.builder)}: {told}."


def _paid(bill: Bill) -> list[str]:
    """The price before, the cap and the actual; nothing where nothing is paid for."""
    if bill.price is None:
        return [f"What {bill.calls} calls cost is unknown: the model's price is not known."]
    if bill.expected_usd is None or (bill.expected_usd.high <= 0 and not bill.spent_usd):
        return []
    low, high = bill.expected_usd.low, bill.expected_usd.high
    cap = "no cap" if bill.cap_usd is None else f"a cap of {bill.cap_usd:g}"
    spent = f"Spent {_dollars(bill.spent_usd)} on {bill.calls} calls"
    expected = f"expected {_dollars(low)} to {_dollars(high)}, {cap}"
    return [f"{spent}, {expected}; {bill.calls_cached} answers were kept from before."]


def _dollars(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{usd:.4f}" if usd < 1 else f"{usd:,.2f}"
