"""The pure function from a profile and rules to a decision, used before and after measuring."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.rulebook.acceptance import expected_gain, probabilities
from advisor.rulebook.compiled import Compiled, compiled
from advisor.rulebook.conditions import Facts, facts_of
from advisor.rulebook.contradictions import contradictions
from advisor.rulebook.firing import fire, speaking, trace, waiting_rules
from advisor.rulebook.flips import flips
from advisor.rulebook.handover import hand_over
from advisor.rulebook.hanging import hangs_on
from advisor.rulebook.next_step import next_step
from advisor.rulebook.ordering import COST_ORDER, Finding, Order, active_rules, order
from advisor.rulebook.questions import open_questions, stakes_of
from advisor.rulebook.trials import Trials
from advisor.rulebook.without_advice import without_advice
from advisor.schema.decide import Decision, RankedApproach, Reason
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Rulebook, RuleKind

TRACED: tuple[RuleKind, ...] = ("decision", "warning", "default")


def rank(profile: Profile, rulebook: Rulebook) -> Decision:
    """The order of approaches that the rules give this profile, with reasons and open questions.

    Nothing of the world is touched: the same profile and rules always give the same decision.
    Raises RuleConflictError when two firing rules contradict each other outright.
    """
    facts = facts_of(profile)
    trials = Trials(facts, rulebook, nobody_knows=profile.unknown)
    decisions, warnings, defaults = (
        speaking(trials.compiled, facts, trials.known, kind) for kind in TRACED
    )
    result = order([f.rule for f in decisions], rulebook.strengths, tie=rulebook.tie)
    now = result.recommended
    stakes = stakes_of(trials, now, deep=True)
    questions = open_questions(trials, stakes)
    hanging = hangs_on(stakes, questions, now, trials.compiled.asked_first)
    near_ties = _near_ties(result)
    handed = hand_over(
        defaults,
        active_rules(rulebook, "gate"),
        facts,
        forbidden=result.forbidden,
        leading=(*near_ties, *((now,) if now else ())),
    )
    return Decision.model_construct(
        approaches=_ranked(result, decisions, rulebook, facts),
        recommended=now,
        margin=_margin(result),
        close_call=bool(near_ties),
        next_step=next_step(trials, now, hanging)
        if now is not None
        else without_advice(result, decisions, questions, trials.compiled.asked_first),
        runner_up=_runner_up(result),
        near_ties=near_ties,
        methods=handed.methods,
        settings=handed.settings,
        builders=handed.builders,
        criteria=handed.criteria,
        hangs_on=hanging,
        open_questions=questions,
        what_would_change_it=flips(trials, now),
        warnings=(*_warnings((*decisions, *warnings)), *contradictions(facts)),
        trace=tuple(trace(trials.compiled, trials.known, TRACED)),
        policy=(*rulebook.policy, *waiting_rules(trials.compiled, trials.known)),
    )


def _margin(result: Order) -> float:
    allowed = [a for a in result.ranked if a not in result.forbidden]
    if len(allowed) < 2:
        return 0.0
    return round(result.scores[allowed[0]] - result.scores[allowed[1]], 6)


def _near_ties(result: Order) -> tuple[Approach, ...]:
    """The approaches too close to call; empty where one leads clearly or is required."""
    return result.near if result.recommended is not None and len(result.near) > 1 else ()


def _runner_up(result: Order) -> Approach | None:
    if result.recommended is None:
        return None
    others = (a for a in result.ranked[1:] if a not in result.forbidden)
    return next(others, None)


def _ranked(
    result: Order, decisions: Sequence[Finding], rulebook: Rulebook, facts: Facts
) -> tuple[RankedApproach, ...]:
    reasons = _reasons(compiled(rulebook), decisions)
    chances = probabilities(rulebook.acceptance, result)
    return tuple(
        RankedApproach.model_construct(
            approach=approach,
            score=result.scores[approach],
            probability_acceptable=chances.get(approach),
            expected_gain=None
            if approach in result.forbidden or approach == result.required
            else expected_gain(rulebook.gains, approach, facts),
            forbidden=approach in result.forbidden,
            reasons=tuple(reasons.get(approach, ())),
        )
        for approach in result.ranked
        if approach != "none" or approach in reasons
    )


def _reasons(prepared: Compiled, decisions: Sequence[Finding]) -> dict[Approach, list[Reason]]:
    """Why the firing rules speak for or against each approach they name."""
    found: dict[Approach, list[Reason]] = {}
    for finding in decisions:
        for reason in prepared.reasons(finding.rule, finding.outcome.looked_at):
            found.setdefault(reason.approach, []).append(reason)
    return found


def _warnings(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(
        action.message
        for finding in findings
        for action in finding.rule.then
        if action.effect == "warn"
    )


__all__ = ["COST_ORDER", "Finding", "fire", "rank"]
