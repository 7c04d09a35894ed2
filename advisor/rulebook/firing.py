"""Which rules fire on a profile, which are silent, and which wait for a fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from advisor.rulebook.compiled import KINDS, Compiled, compiled
from advisor.rulebook.conditions import Facts, Outcome, facts_of
from advisor.rulebook.ordering import Finding
from advisor.schema.decide import TraceLine
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook, RuleKind, Scalar


def fire(rulebook: Rulebook, profile: Profile, kind: RuleKind) -> tuple[Finding, ...]:
    """Every active rule of a kind with its outcome on the profile; a draft never speaks."""
    return findings(rulebook, facts_of(profile), kind)


def findings(rulebook: Rulebook, facts: Facts, kind: RuleKind) -> tuple[Finding, ...]:
    """Every active rule of a kind with its outcome on facts that are already spread out."""
    prepared = compiled(rulebook)
    known = prepared.atoms.known(facts)
    found = []
    for rule, tested in prepared.tested[kind]:
        state = tested.state(known)
        looked_at = {fact: facts[fact] for fact in tested.named if fact in facts}
        outcome = Outcome(holds=state.holds, looked_at=looked_at, missing=state.missing)
        found.append(Finding(rule, outcome))
    return tuple(found)


def speaking(prepared: Compiled, facts: Facts, known: int, kind: RuleKind) -> list[Finding]:
    """The rules of a kind that fire, with the facts they looked at."""
    found = []
    for rule, tested in prepared.tested[kind]:
        if tested.state(known).holds:
            looked_at = {fact: facts[fact] for fact in tested.named if fact in facts}
            found.append(Finding(rule, Outcome(holds=True, looked_at=looked_at, missing=())))
    return found


def trace(prepared: Compiled, known: int, kinds: Iterable[RuleKind]) -> list[TraceLine]:
    """How every rule of these kinds came out."""
    return [tested.line(known) for kind in kinds for _, tested in prepared.tested[kind]]


def waiting_rules(prepared: Compiled, known: int) -> tuple[str, ...]:
    """The user's own rules that do not speak yet, with the unknown facts that they wait for."""
    return tuple(
        f"{rule.id} does not speak yet: {_listed(state.missing)} unknown"
        for rule, tested in prepared.own
        if (state := tested.state(known)).holds is None
    )


def _listed(facts: tuple[str, ...]) -> str:
    """'a is', 'a and b are', 'a, b and c are'."""
    if len(facts) == 1:
        return f"{facts[0]} is"
    return f"{', '.join(facts[:-1])} and {facts[-1]} are"


def explained(profile: Profile, rulebook: Rulebook) -> list[tuple[TraceLine, Mapping[str, Scalar]]]:
    """How every active rule came out on a profile, with the known facts it looked at."""
    facts = facts_of(profile)
    return [
        (
            TraceLine(rule_id=rule.id, outcome=outcome.word, missing=outcome.missing),
            outcome.looked_at,
        )
        for kind in KINDS
        for rule, outcome in findings(rulebook, facts, kind)
    ]
