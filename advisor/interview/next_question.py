"""Which fact to ask next: the one whose answer could turn the advice furthest."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from advisor.rulebook.conditions import facts_of
from advisor.rulebook.counterfactual import Trials, decisive_facts
from advisor.rulebook.ordering import advised
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook


def next_question(
    profile: Profile, rulebook: Rulebook, *, skipped: AbstractSet[str] = frozenset()
) -> Fact | None:
    """The most decisive fact that is unknown and can be asked; None when nothing could change.

    `skipped` holds the facts somebody has said not to know. Facts are tried value by value through
    the rules; ties go to the order of the vocabulary. Raises RuleConflictError.
    """
    facts = facts_of(profile)
    decisive = decisive_facts(Trials(facts, rulebook), advised(facts, rulebook))
    askable = [
        fact
        for fact in rulebook.vocabulary
        if fact.question and fact.id in decisive and fact.id not in skipped
    ]
    return max(askable, key=lambda fact: decisive[fact.id], default=None)
