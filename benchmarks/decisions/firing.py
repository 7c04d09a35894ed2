"""Which publications a decision rule speaks to, and the rules without some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from advisor.rulebook.conditions import facts_of, holds
from advisor.rulebook.ordering import active_rules
from advisor.schema.rule import Rulebook
from benchmarks.decisions.cases import Case

FEWEST_OTHERS = 2
"""Other sources a rule must fire in to be kept when a source is left out strictly."""


def firing(rulebook: Rulebook, cases: Iterable[Case]) -> dict[str, frozenset[str]]:
    """For every active decision rule: the sources with a case in which it fires."""
    found: dict[str, set[str]] = {rule.id: set() for rule in active_rules(rulebook, "decision")}
    for case in cases:
        for rule in firing_rules(rulebook, case):
            found[rule].add(case.source)
    return {rule: frozenset(sources) for rule, sources in found.items()}


def firing_rules(rulebook: Rulebook, case: Case) -> frozenset[str]:
    """The decision rules that fire with the measured score or without."""
    known = [facts_of(profile) for profile in (case.profile, case.scored)]
    return frozenset(
        rule.id
        for rule in active_rules(rulebook, "decision")
        if any(holds(rule.when, facts) is True for facts in known)
    )


def switched_off(rulebook: Rulebook, rules: Collection[str]) -> Rulebook:
    """The rulebook without some rules."""
    kept = tuple(rule for rule in rulebook.rules if rule.id not in rules)
    return rulebook.model_copy(update={"rules": kept})


def leaning_on(
    source: str, fires: Mapping[str, Collection[str]], fewest: int = FEWEST_OTHERS
) -> frozenset[str]:
    """The rules that fire in a source and in too few others to have been written without it."""
    return frozenset(
        rule for rule, sources in fires.items() if source in sources and len(sources) - 1 < fewest
    )
