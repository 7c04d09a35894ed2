"""The report as Markdown: verdict first, then everything it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import advice_grids as advice
from advisor.render import measured_grids as measured
from advisor.render.decision_words import ties_words
from advisor.render.diagnosis_grids import (
    causes_grid,
    diagnosed,
    examples_grid,
    levers,
    retrieval_grid,
    retrieval_remarks,
)
from advisor.render.grid import facts_line
from advisor.render.markdown_blocks import linked, markdown_section
from advisor.render.markdown_estimate import estimate
from advisor.render.markdown_parts import code, escape, prose, table
from advisor.render.measured_words import (
    also_grid,
    latency_words,
    measured_remarks,
    recommended_label,
    shown_comparisons,
)
from advisor.render.ranking import approaches_grid, column_meanings, unlisted
from advisor.render.reasons import spoken_rules
from advisor.render.safe import percent, words
from advisor.render.search_grids import tried_grid
from advisor.render.sections.costs import costs
from advisor.render.sections.dataset import data
from advisor.render.sections.failures import failures
from advisor.render.sections.provenance import provenance, reproduce
from advisor.render.sections.shipping import review, shipping
from advisor.render.sections.training import training
from advisor.render.sections.verification import checks, turning, verification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from advisor.render.blocks import Section
    from advisor.render.reasons import Spoken
    from advisor.schema.decide import Decision
    from advisor.schema.report import Report
    from advisor.schema.rule import Source


def to_markdown(report: Report) -> str:
    """The whole report; text from data is escaped so that it stays text."""
    lines: list[str] = []
    for section in ORDER:
        lines.extend(section(report))
    return "\n".join(lines).rstrip() + "\n"


def _verdict(report: Report) -> Iterator[str]:
    yield from (f"# {escape(report.name)}", "", f"**{escape(report.headline)}**", "")
    yield from (f"{recommended_label(report)}: **{escape(words(report.recommended))}**", "")
    yield from (f"Next: {prose(report.next_step)}", "")


def _decision(report: Report) -> Iterator[str]:
    yield from ("## Decision", "")
    if report.gate is not None:
        yield from ("With the measured scores:", "")
        yield from _ranking(report.gate.decision, report)
        yield from ("Before any measurement:", "")
        yield from table(approaches_grid(report.decision, profile=report.profile))
    else:
        yield from _ranking(report.decision, report)
    yield from ("### Profile", "")
    yield from table(advice.profile_grid(report.profile))
    unknown = advice.unknown_facts(report.profile)
    if unknown:
        yield from (f"Unknown: {', '.join(code(fact) for fact in unknown)}.", "")


def _ranking(decision: Decision, report: Report) -> Iterator[str]:
    grid = approaches_grid(decision, profile=report.profile)
    yield from table(grid)
    for meaning in column_meanings(grid):
        yield from (escape(meaning), "")
    ties = ties_words(decision)
    if ties:
        yield from (escape(ties), "")
    for start, names in unlisted(decision, report.profile):
        yield from (f"{start} {escape(', '.join(names))}.", "")
    yield from table(advice.sides_grid(decision))
    yield from _reasons(decision, report.sources)
    for title, found in (
        ("What would change the advice:", advice.flips_grid(decision)),
        ("Open questions:", advice.questions_grid(decision)),
        (
            "Settings for tuning that rules fill:",
            advice.settings_grid(decision, advice.plan_of(report)),
        ),
        ("What the gate asks:", advice.asked_grid(decision)),
        ("Systems worth measuring:", advice.builders_grid(decision)),
    ):
        if found.rows:
            yield from (title, "", *table(found))
    idle = advice.idle_questions(decision)
    if idle:
        yield from (f"Open, without effect: {', '.join(code(fact) for fact in idle)}.", "")
    for line in decision.policy:
        yield from (f"- Your policy: {escape(line)}", "")


def _reasons(decision: Decision, sources: tuple[Source, ...]) -> Iterator[str]:
    known = {source.id: source for source in sources}
    spoken = spoken_rules(decision)
    if spoken:
        yield from ("Reasons:", "", *(_reason(rule, known) for rule in spoken), "")


def _reason(rule: Spoken, sources: dict[str, Source]) -> str:
    reason = rule.reason
    parts = [f"- **{escape(reason.title)}**: {escape(rule.says)} (rule {code(reason.rule_id)})."]
    parts.append(escape(reason.why))
    if reason.because:
        parts.append(f"Because {code(facts_line(reason.because), 300)}.")
    if reason.sources:
        parts.append("Sources: " + ", ".join(_source(id_, sources) for id_ in reason.sources) + ".")
    return " ".join(parts)


def _source(identifier: str, sources: dict[str, Source]) -> str:
    source = sources.get(identifier)
    if source is None:
        return code(identifier)
    return linked(source.title, source.url)


def _scores(report: Report) -> Iterator[str]:
    evaluations = measured.evaluations_of(report)
    if not evaluations:
        return
    yield from ("## Scores", "")
    target = percent(measured.target_of(report))
    yield from (f"Metric {code(evaluations[0].metric)}, target {target}.", "")
    yield from table(measured.scores_grid(evaluations))
    yield from (escape(latency_words(evaluations)), "") if latency_words(evaluations) else ()
    if report.baselines is not None:
        yield from table(measured.comparisons_grid(shown_comparisons(report.baselines)))
        if any(e.also for e in evaluations):
            yield from table(also_grid(evaluations))
        tried = tried_grid(report.baselines.evaluations)
        if tried.rows:
            yield from table(tried)
        remarks = measured_remarks(report.baselines)
        yield from (f"- {escape(line)}" for line in remarks)
        yield from ("",) if remarks else ()


def _diagnosis(report: Report) -> Iterator[str]:
    """Why answers failed, what that points at, and how well passages were found."""
    if report.baselines is None:
        return
    retrieval = retrieval_grid(report.baselines.evaluations)
    found = diagnosed(report.baselines)
    if not found and not retrieval.rows:
        return
    yield from ("## Why answers failed" if found else "## How well passages were found", "")
    if found and found[0].diagnosis is not None:
        best, *others = levers(report.baselines)
        yield from (f"**{escape(best)}**", "", *table(causes_grid(found[0].diagnosis)))
        yield from ("Failures to read:", "", *table(examples_grid(found[0].diagnosis)))
        yield from (*(f"- {escape(line)}" for line in others), *([""] if others else []))
    if retrieval.rows:
        yield from table(retrieval)
        remarks = retrieval_remarks(report.baselines.evaluations)
        yield from (*(f"- {escape(line)}" for line in remarks), "")


def _gate(report: Report) -> Iterator[str]:
    if report.gate is None:
        return
    yield from ("## Gate", "", f"Verdict: **{report.gate.verdict}**.", "")
    yield from (prose(report.gate.because), "")
    yield from table(advice.criteria_grid(report.gate))


def _warnings(report: Report) -> Iterator[str]:
    if report.warnings:
        yield from ("## Warnings", "", *(f"- {prose(line)}" for line in report.warnings), "")


def _of(make: Callable[[Report], Section | None]) -> Callable[[Report], Iterator[str]]:
    """A section of blocks as Markdown."""
    return lambda report: markdown_section(make(report))


ORDER: tuple[Callable[[Report], Iterator[str]], ...] = (
    _verdict,
    _decision,
    _of(turning),
    _of(checks),
    _scores,
    _of(verification),
    _of(failures),
    _diagnosis,
    _gate,
    _of(data),
    _of(costs),
    estimate,
    _of(training),
    _of(review),
    _of(shipping),
    _warnings,
    _of(provenance),
    _of(reproduce),
)
"""The sections in the order a reader asks for them."""
