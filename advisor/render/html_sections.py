"""The sections of the HTML report, in the order a reader asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import advice_grids as advice
from advisor.render import measured_grids as measured
from advisor.render.charts import scores_chart
from advisor.render.charts_counts import counts_chart
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
from advisor.render.html_blocks import html_section
from advisor.render.html_estimate import estimate
from advisor.render.html_parts import (
    bullets,
    details,
    element,
    esc,
    figure,
    link,
    prose,
    section,
    table,
    wrap,
)
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
from advisor.schema.diagnosis import CAUSE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from advisor.render.blocks import Section
    from advisor.render.grid import Grid
    from advisor.render.reasons import Spoken
    from advisor.schema.baseline import Baselines
    from advisor.schema.decide import Decision
    from advisor.schema.profile import Profile
    from advisor.schema.report import Report
    from advisor.schema.rule import Source

RETRIEVAL = "How well passages were found"
_TONES = {"train": "good", "keep": "good", "discard": "bad"}


def verdict(report: Report) -> str:
    """The headline, the recommended approach and the next step."""
    outcome: str = report.gate.verdict if report.gate else ""
    if report.verification is not None:
        outcome = report.verification.verdict
    tone = _TONES.get(outcome, "careful")
    inner = (
        element("h1", report.name),
        element("p", report.headline, "headline"),
        f"<p>{recommended_label(report)}: <strong>{esc(words(report.recommended))}</strong></p>",
        f"<p>Next: {prose(report.next_step)}</p>",
    )
    return wrap("header", inner, f"verdict {tone}")


def decision(report: Report) -> str:
    """Approaches with reasons and sources, what would change the order, what is not known."""
    final = report.gate.decision if report.gate else report.decision
    sources = {source.id: source for source in report.sources}
    before = ""
    if report.gate is not None:
        grid = approaches_grid(report.decision, profile=report.profile)
        before = details("Before any measurement", table(grid))
    return section(
        "Decision",
        *_ranking(final, report.profile),
        _reasons(final, sources),
        table(advice.flips_grid(final), "What would change the advice"),
        table(advice.questions_grid(final), "Open questions"),
        _idle(final),
        _onward(final, report),
        bullets(f"Your policy: {esc(line)}" for line in final.policy),
        before,
        _profile(report),
    )


def _ranking(final: Decision, profile: Profile) -> Iterator[str]:
    """The order with its chances, near ties, and the rules on both sides of the first two."""
    grid = approaches_grid(final, profile=profile)
    yield table(grid)
    quiet = [*column_meanings(grid)]
    quiet += [f"{start} {', '.join(names)}." for start, names in unlisted(final, profile)]
    yield element("p", ties_words(final)) if final.near_ties else ""
    yield from (element("p", sentence, "quiet") for sentence in quiet)
    yield table(advice.sides_grid(final), "For and against the first two")


def _idle(final: Decision) -> str:
    idle = ", ".join(advice.idle_questions(final))
    return element("p", f"Open, without effect on the advice: {idle}.", "quiet") if idle else ""


def _onward(final: Decision, report: Report) -> str:
    """What the later stages take from the decision."""
    inner = (
        table(
            advice.settings_grid(final, advice.plan_of(report)),
            "Settings for tuning that rules fill",
        ),
        table(advice.asked_grid(final), "What the gate asks"),
        table(advice.builders_grid(final)),
    )
    return details("What the later stages take from this", *inner) if final.builders else ""


def _profile(report: Report) -> str:
    unknown = ", ".join(advice.unknown_facts(report.profile))
    return details(
        "The profile these reasons rest on",
        table(advice.profile_grid(report.profile)),
        element("p", f"Unknown: {unknown}.") if unknown else "",
    )


def _reasons(final: Decision, sources: dict[str, Source]) -> str:
    told = bullets((_reason(rule, sources) for rule in spoken_rules(final)), "reasons")
    return details("Every reason in full, with its rule and its sources", told)


def _reason(rule: Spoken, sources: dict[str, Source]) -> str:
    reason = rule.reason
    parts = [f"<strong>{esc(reason.title)}</strong>: {esc(rule.says)}. {esc(reason.why)}"]
    if reason.because:
        parts.append(f"Because <code>{esc(facts_line(reason.because), 400)}</code>.")
    cited = [_source(identifier, sources) for identifier in reason.sources]
    if cited:
        parts.append(f"Sources: {', '.join(cited)}.")
    return " ".join((*parts, f'<span class="quiet">Rule {esc(reason.rule_id)}.</span>'))


def _source(identifier: str, sources: dict[str, Source]) -> str:
    source = sources.get(identifier)
    return link(source.url, source.title) if source else esc(identifier)


def scores(report: Report) -> str:
    """Every baseline and the tuned model with intervals and the target line."""
    evaluations = measured.evaluations_of(report)
    if not evaluations:
        return ""
    target = measured.target_of(report)
    names = [words(evaluation.builder) for evaluation in evaluations]
    level = percent(evaluations[0].interval.level, 0)
    pairs = shown_comparisons(report.baselines) if report.baselines else ()
    remarks = measured_remarks(report.baselines) if report.baselines else ()
    has_more = any(evaluation.also for evaluation in evaluations)
    tried = tried_grid(evaluations)
    return section(
        "Scores",
        figure(
            f"{evaluations[0].metric} with its {level} interval; the dashed line is the target.",
            scores_chart(evaluations, names, target),
        ),
        element("p", f"Metric {evaluations[0].metric}, target {percent(target)}."),
        table(measured.scores_grid(evaluations)),
        element("p", latency_words(evaluations), "quiet") if latency_words(evaluations) else "",
        table(measured.comparisons_grid(pairs), "Baselines on the same samples"),
        table(also_grid(evaluations), "Further metrics") if has_more else "",
        table(tried, "Prompts tried on the dev part") if tried.rows else "",
        bullets(esc(line) for line in remarks),
    )


def diagnosis(report: Report) -> str:
    """Why the best system failed, what that points at, and how well passages are found."""
    baselines = report.baselines
    if baselines is None:
        return ""
    retrieval = retrieval_grid(baselines.evaluations)
    found = diagnosed(baselines)
    causes = found[0].diagnosis if found else None
    if causes is None:
        return section(RETRIEVAL, *_retrieval(baselines, retrieval)) if retrieval.rows else ""
    best, *others = levers(baselines)
    counts = [(CAUSE_WORDS[each.cause], each.count) for each in causes.causes]
    about = f"{words(found[0].builder)}: {causes.failures:,} of {causes.n:,} samples failed"
    return section(
        "Why answers failed",
        f"<p><strong>{esc(best)}</strong></p>",
        figure(about, counts_chart(about, counts)),
        table(causes_grid(causes)),
        details("Failures to read", table(examples_grid(causes))),
        bullets(esc(line) for line in others),
        *_retrieval(baselines, retrieval),
    )


def _retrieval(baselines: Baselines, grid: Grid) -> Iterator[str]:
    yield table(grid, RETRIEVAL)
    yield from (element("p", line, "quiet") for line in retrieval_remarks(baselines.evaluations))


def gate(report: Report) -> str:
    """Criteria asked, seen and passed."""
    if report.gate is None:
        return ""
    return section(
        "Gate",
        _outcome(report.gate.verdict, report.gate.because),
        table(advice.criteria_grid(report.gate)),
    )


def _outcome(outcome: str, because: str) -> str:
    return f"<p>Verdict: <strong>{esc(outcome)}</strong>. {prose(because)}</p>"


def warnings(report: Report) -> str:
    """What the reader should know before believing any of it."""
    return section("Warnings", bullets((prose(line) for line in report.warnings), "warnings"))


def _of(make: Callable[[Report], Section | None]) -> Callable[[Report], str]:
    """A section of blocks as HTML."""
    return lambda report: html_section(make(report))


ORDER: tuple[Callable[[Report], str], ...] = (
    verdict,
    decision,
    _of(turning),
    _of(checks),
    scores,
    _of(verification),
    _of(failures),
    diagnosis,
    gate,
    _of(data),
    _of(costs),
    estimate,
    _of(training),
    _of(review),
    _of(shipping),
    warnings,
    _of(provenance),
    _of(reproduce),
)
"""The sections in the order a reader asks for them."""
