"""The verdict: every written criterion on the measured facts, the first that fails decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from advisor.rulebook.conditions import facts_named, facts_of
from advisor.rulebook.engine import Finding, fire, rank
from advisor.rulebook.handover import asked_in_numbers
from advisor.rulebook.next_step import after_gate
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Estimate
from advisor.schema.gate import Criterion, GateVerdict
from advisor.schema.profile import MeasuredFacts, Profile
from advisor.schema.rule import Rulebook
from advisor.stages.gate.measured import measured_facts
from advisor.stages.gate.wording import Sight, failure_words, seen, target_words


def gate(
    *,
    baselines: Baselines,
    estimate: Estimate | None,
    profile: Profile,
    rulebook: Rulebook,
    target: float | None,
) -> GateVerdict:
    """Train only if every criterion is met; otherwise stop or collect, with the reason in numbers.

    The decision rules are asked again with the measured facts, and what they then advise is itself
    a criterion, so verdict and recommendation cannot contradict each other. A criterion on an
    unknown fact is not met. Pure: no model is called. Raises RuleConflictError.
    """
    measured = measured_facts(
        baselines=baselines, estimate=estimate, profile=profile, target=target
    )
    known = with_measured(profile, measured, target)
    decision = rank(known, rulebook)
    advised = measured.model_copy(update={"advised_approach": decision.recommended})
    known = known.model_copy(update={"measured": advised})
    sight = Sight(profile=known, baselines=baselines, estimate=estimate, target=target)
    findings = sorted(fire(rulebook, known, "gate"), key=lambda f: (f.rule.order, f.rule.id))
    criteria = tuple(_criterion(finding, sight) for finding in findings)
    failed = next((f for f in findings if not f.outcome.holds), None)
    step = after_gate(decision, trains=failed is None)
    return GateVerdict(
        verdict=_leads_to(failed) if failed else "train",
        criteria=criteria,
        because=_failure(failed, sight) if failed else _success(criteria, sight),
        recommended=decision.recommended,
        target=target,
        decision=decision.model_copy(update={"next_step": step}),
        warnings=decision.warnings,
    )


def with_measured(profile: Profile, measured: MeasuredFacts, target: float | None) -> Profile:
    """The profile with what was measured, its provenance, and the target it is judged by."""
    scores = ("prompted_score", "closed_book_score")
    found = {
        f"measured.{name}": "baseline"
        for name in scores
        if getattr(measured, name) is not None
        and getattr(measured, name) != getattr(profile.measured, name)
    }
    return profile.model_copy(
        update={
            "measured": measured,
            "task": profile.task.model_copy(update={"target": target}),
            "provenance": profile.provenance | found,
        }
    )


def _criterion(finding: Finding, sight: Sight) -> Criterion:
    return Criterion(
        rule_id=finding.rule.id,
        asked=asked_in_numbers(finding.rule, facts_of(sight.profile)),
        seen="; ".join(_sentences(finding, sight)),
        passed=finding.outcome.holds,
        leads_to=_leads_to(finding),
    )


def _sentences(finding: Finding, sight: Sight) -> Sequence[str]:
    return [seen(fact, sight) for fact in dict.fromkeys(facts_named(finding.rule.when))]


def _leads_to(finding: Finding) -> Literal["stop", "collect"]:
    return "collect" if finding.rule.then[0].effect == "collect" else "stop"


def _failure(failed: Finding, sight: Sight) -> str:
    """Why not: what was seen, and what follows from it."""
    what = "; ".join(_sentences(failed, sight))
    if failed.outcome.holds is None:
        return f"{what}."
    if "measured.target_met" not in failed.outcome.looked_at:
        why = failure_words(sight)
        what = f"{what} ({_small(target_words(sight))}{f'; {why}' if why else ''})"
    return f"{what}: {failed.rule.then[0].message}."


def _success(criteria: Sequence[Criterion], sight: Sight) -> str:
    """Why training is warranted: how far the baselines are, and that everything else holds."""
    others = [c.seen for c in criteria if c.rule_id in {"enough-train-samples", "tuning-fits"}]
    told = [target_words(sight), failure_words(sight), *(_small(text) for text in others)]
    return "; ".join(filter(None, told)) + "."


def _small(sentence: str) -> str:
    """The sentence as it stands inside another."""
    word = sentence.split(" ", 1)[0]
    return sentence[:1].lower() + sentence[1:] if word in {"The", "No"} else sentence
