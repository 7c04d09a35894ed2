"""Tables of what was advised before and after measuring: profile, decision, estimate, gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.decision_words import (
    first_two,
    measure_words,
    outcomes_words,
    setting_name,
    setting_value,
    sides,
    weight_words,
)
from advisor.render.estimate_facts import chance
from advisor.render.fact_words import flip_condition
from advisor.render.grid import (
    Grid,
    facts_line,
    gib_spread,
    gib_text,
    hours_spread,
    usd_spread,
    yes_no,
)
from advisor.render.safe import UNKNOWN, fact_text, profile_facts, words
from advisor.units import short_count

if TYPE_CHECKING:
    from advisor.schema.decide import Decision, Setting
    from advisor.schema.estimate import Estimate, Option
    from advisor.schema.gate import GateVerdict
    from advisor.schema.plan import Plan
    from advisor.schema.profile import Profile
    from advisor.schema.report import Report

OPTIONS_SHOWN = 10


def profile_grid(profile: Profile) -> Grid:
    """Every known fact with its value and where it comes from."""
    rows = tuple(
        (fact, value, profile.provenance.get(fact, ""))
        for fact, value in profile_facts(profile).items()
        if value is not None
    )
    return Grid(("Fact", "Value", "From"), rows)


def unknown_facts(profile: Profile) -> list[str]:
    """Ids of the facts nobody knows."""
    return [fact for fact, value in profile_facts(profile).items() if value is None]


def sides_grid(decision: Decision) -> Grid:
    """For the recommended approach and the runner-up: every reason for and against, in short."""
    rows = tuple(
        (
            reason.title,
            words(ranked.approach),
            side,
            weight_words(reason),
            ", ".join(reason.sources),
        )
        for ranked in first_two(decision)
        for side, reasons in zip(("for", "against"), sides(ranked), strict=True)
        for reason in reasons
    )
    return Grid(("Reason", "Approach", "Side", "Weight", "Sources"), rows)


def flips_grid(decision: Decision) -> Grid:
    """What would change the advice."""
    rows = tuple((flip_condition(flip), words(flip.then)) for flip in decision.what_would_change_it)
    return Grid(("If", "Then the advice is"), rows)


def questions_grid(decision: Decision) -> Grid:
    """What nobody has answered yet and could turn the advice."""
    rows = tuple(
        (
            question.fact,
            question.question,
            outcomes_words(question) or "another approach",
            measure_words(question) or "an answer",
        )
        for question in decision.open_questions
        if question.could_change
    )
    return Grid(("Fact", "Question", "Could change the advice to", "Found by"), rows)


def idle_questions(decision: Decision) -> list[str]:
    """Ids of the facts that nobody knows and that cannot turn the advice."""
    return [question.fact for question in decision.open_questions if not question.could_change]


def settings_grid(decision: Decision, plan: Plan | None = None) -> Grid:
    """Every setting with the rule that fills it and the facts it rests on.

    With a plan, what that has, too: a recipe for small models and the user's own flags go before
    rules.
    """
    rows = tuple(
        (
            setting_name(s),
            setting_value(s),
            s.rule_id,
            facts_line(s.because),
            *([_in_plan(s, plan)] if plan else ()),
        )
        for s in decision.settings
    )
    return Grid(("Setting", "Value", "Rule", "Because", *(["In the plan"] if plan else ())), rows)


def plan_of(report: Report) -> Plan | None:
    """The plan that was trained, else the one that the estimate recommends."""
    if report.training is not None and report.training.plan is not None:
        return report.training.plan
    option = report.estimate.recommended_option if report.estimate else None
    return option.plan if option else None


def _in_plan(setting: Setting, plan: Plan) -> str:
    """The plan's own value of a setting, and who set it where that was not this rule."""
    field = setting.key.rpartition(".")[2]
    value, by = getattr(plan, field, None), plan.reasons.get(field, "")
    if value is None:
        return "–"  # noqa: RUF001 - a dash
    return (
        fact_text(value) if by in ("", f"rule {setting.rule_id}") else f"{fact_text(value)} ({by})"
    )


def asked_grid(decision: Decision) -> Grid:
    """What the gate will ask, with its numbers."""
    rows = tuple((criterion.rule_id, criterion.asked) for criterion in decision.criteria)
    return Grid(("Rule", "The gate will ask"), rows)


WORTH = {
    "zero_shot": "the plain prompt: what everything else is held against",
    "few_shot": "fixed shots: most of what shots gain comes with the first few",
    "few_shot_similar": "shots like the question: worth five times as many random ones",
    "prompt_optimisation": "the advice is to improve the prompt; it asks hundreds of prompts first",
    "rag": "passages beside the question: what the model does not know",
    "rag_few_shot": "passages and shots: shows how to answer from passages",
    "long_context": "all documents at once: short enough to need no index",
    "majority": "the most frequent label: what any system must beat; asks no model",
    "nearest_neighbour": "the label of the most similar sample; asks no model",
    "embedding_classifier": "a classifier on embeddings: the rival on labels; asks no model",
    "extractive_copy": "answers stand in their inputs: copying by rule; asks no model",
}
"""Why a system is measured."""


def builders_grid(decision: Decision) -> Grid:
    """What is worth measuring before anything is trained, and why."""
    rows = tuple((words(name), WORTH.get(name, "")) for name in decision.builders)
    return Grid(("Worth measuring", "Because"), rows)


def criteria_grid(gate: GateVerdict) -> Grid:
    """The gate's criteria: asked, seen, passed."""
    passed = {True: "passed", False: "failed", None: UNKNOWN}
    rows = tuple((passed[c.passed], c.asked, c.seen, c.rule_id) for c in gate.criteria)
    return Grid(("Result", "Asked", "Seen", "Rule"), rows)


def options_grid(estimate: Estimate) -> Grid:
    """The first options in their order, each with memory, time and cost."""
    rows = tuple(_option_row(option) for option in estimate.options[:OPTIONS_SHOWN])
    headers = ("Option", "Peak memory", "Fits", "Headroom", "Trainable", "Time", "Cost")
    return Grid(headers, rows, right=(3, 4))


def option_name(option: Option) -> str:
    """'LoRA on 2 x l4-24gb': method and card."""
    return f"{words(option.method)} on {card_name(option)}"


def card_name(option: Option) -> str:
    """The card by its id, with the count where there are several."""
    return option.gpu if option.gpus == 1 else f"{option.gpus} × {option.gpu}"  # noqa: RUF001


def fits_text(option: Option) -> str:
    """'yes (99 %)': whether it fits and how sure that is."""
    verdict = option.fits if isinstance(option.fits, str) else yes_no(option.fits)
    sure = chance(option)
    return f"{verdict} ({sure})" if sure else verdict


def _option_row(option: Option) -> tuple[str, ...]:
    memory = option.memory
    return (
        option_name(option),
        gib_spread(memory.process_gib or memory.reserved_gib or memory.allocated_gib),
        fits_text(option),
        f"{gib_text(option.headroom_gib)} GiB",
        short_count(option.trainable_parameters),
        hours_spread(option.time_hours),
        usd_spread(option.cost_usd),
    )


def terms_grid(option: Option) -> Grid:
    """Every term alive in the peak phase, with its formula and provenance."""
    rows = tuple(
        (
            term.name,
            gib_text(term.gib),
            term.formula,
            " ".join(part for part in (term.provenance.kind, term.provenance.source) if part),
        )
        for term in option.memory.terms
    )
    return Grid(("Term", "GiB", "Formula", "Provenance"), rows, right=(1,))


def plan_grid(option: Option) -> Grid:
    """The complete plan, with what set each value."""
    plan = option.plan
    rows = tuple(
        (name.replace("_", " "), fact_text(value), plan.reasons.get(name, ""))
        for name, value in plan.model_dump(exclude={"reasons"}).items()
        if value is not None
    )
    return Grid(("Setting", "Value", "Set by"), rows)
