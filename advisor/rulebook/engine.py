"""The pure function from a profile and rules to a decision, used before and after measuring."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.rulebook.conditions import facts_of
from advisor.rulebook.counterfactual import Trials, decisive_facts, flips
from advisor.rulebook.next_step import next_step
from advisor.rulebook.ordering import COST_ORDER, Finding, Order, fire, order
from advisor.schema.decide import Decision, OpenQuestion, RankedApproach, Reason, TraceLine
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Rulebook

METHOD_KEY = "method"


def rank(profile: Profile, rulebook: Rulebook) -> Decision:
    """The order of approaches that the rules give this profile, with reasons and open questions.

    Nothing of the world is touched: the same profile and rules always give the same decision.
    Raises RuleConflictError when two firing rules contradict each other outright.
    """
    facts = facts_of(profile)
    decisions = fire(rulebook, profile, "decision")
    warnings = fire(rulebook, profile, "warning")
    defaults = fire(rulebook, profile, "default")
    result = order([f.rule for f in decisions if f.outcome.holds], rulebook.strengths)
    margin = _margin(result)
    trials = Trials(facts, rulebook)
    return Decision(
        approaches=_ranked(result, decisions),
        recommended=result.recommended,
        margin=margin,
        close_call=_is_close(result, margin, rulebook),
        next_step=next_step(result.recommended, facts),
        methods=_methods(defaults),
        open_questions=_open_questions(trials, result.recommended, decisions),
        what_would_change_it=flips(trials, result.recommended),
        warnings=_warnings((*decisions, *warnings)),
        trace=tuple(_trace(f) for f in (*decisions, *warnings, *defaults)),
        policy=rulebook.policy,
    )


def _margin(result: Order) -> float:
    allowed = [a for a in result.ranked if a not in result.forbidden]
    if len(allowed) < 2:
        return 0.0
    return result.scores[allowed[0]] - result.scores[allowed[1]]


def _is_close(result: Order, margin: float, rulebook: Rulebook) -> bool:
    """Whether one weak reason more could have turned the order."""
    if result.recommended is None or result.required is not None:
        return False
    return margin <= rulebook.strengths["weak"]


def _ranked(result: Order, decisions: Sequence[Finding]) -> tuple[RankedApproach, ...]:
    listed = [a for a in result.ranked if a != "none" or _is_named(a, decisions)]
    return tuple(
        RankedApproach(
            approach=approach,
            score=result.scores[approach],
            forbidden=approach in result.forbidden,
            reasons=_reasons(approach, decisions),
        )
        for approach in listed
    )


def _is_named(approach: Approach, decisions: Sequence[Finding]) -> bool:
    return any(
        action.approach == approach for f in decisions if f.outcome.holds for action in f.rule.then
    )


def _reasons(approach: Approach, decisions: Sequence[Finding]) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            rule_id=finding.rule.id,
            title=finding.rule.title,
            effect=action.effect,
            approach=approach,
            strength=action.strength,
            because=finding.outcome.looked_at,
            why=finding.rule.why.strip(),
            sources=tuple(source.ref for source in finding.rule.sources),
        )
        for finding in decisions
        if finding.outcome.holds
        for action in finding.rule.then
        if action.approach == approach
    )


def _methods(defaults: Sequence[Finding]) -> tuple[str, ...]:
    names = [
        str(action.value)
        for finding in sorted(defaults, key=lambda f: (f.rule.order, f.rule.id))
        if finding.outcome.holds
        for action in finding.rule.then
        if action.effect == "set" and action.key == METHOD_KEY
    ]
    return tuple(dict.fromkeys(names))


def _open_questions(
    trials: Trials, recommended: Approach | None, decisions: Sequence[Finding]
) -> tuple[OpenQuestion, ...]:
    """Unknown facts that rules wanted and a person can answer, decisive ones first."""
    wanted = {fact for finding in decisions for fact in finding.outcome.missing}
    decisive = decisive_facts(trials, recommended)
    questions = [
        OpenQuestion(fact=fact.id, question=fact.question, could_change=fact.id in decisive)
        for fact in trials.rulebook.vocabulary
        if fact.id in wanted and fact.question
    ]
    return tuple(sorted(questions, key=lambda q: -decisive.get(q.fact, 0)))


def _warnings(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(
        action.message
        for finding in findings
        if finding.outcome.holds
        for action in finding.rule.then
        if action.effect == "warn"
    )


def _trace(finding: Finding) -> TraceLine:
    return TraceLine(
        rule_id=finding.rule.id,
        outcome=finding.outcome.word,
        missing=finding.outcome.missing,
    )


__all__ = ["COST_ORDER", "Finding", "fire", "rank"]
