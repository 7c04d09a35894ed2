"""Which fact to ask next: what everything rests on, then what could turn the advice furthest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from advisor.rulebook.conditions import facts_of
from advisor.rulebook.ordering import advised
from advisor.rulebook.questions import decisive_facts
from advisor.rulebook.trials import Trials
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook


def next_question(
    profile: Profile, rulebook: Rulebook, *, skipped: AbstractSet[str] = frozenset()
) -> Fact | None:
    """The fact to ask next; None when nothing is open.

    `skipped` holds facts not to ask, beside those that the profile says nobody knows. Raises
    RuleConflictError.
    """
    return next(iter(open_facts(profile, rulebook, skipped=skipped)), None)


def open_facts(
    profile: Profile,
    rulebook: Rulebook,
    *,
    skipped: AbstractSet[str] = frozenset(),
    turning: bool = False,
) -> tuple[Fact, ...]:
    """Every fact to be asked, in order; `turning`: only those whose answer could turn the advice.

    First those that the vocabulary says to ask first, then those whose answer could still turn the
    advice, the most decisive one first, last those that are always asked because later stages go by
    them. Facts are tried value by value through the rules; ties go to the order of the vocabulary.
    A question that follows another makes no sense without it: the other is asked first, even where
    it turns nothing itself, and once it was answered no, the one that follows is not asked.
    """
    facts = facts_of(profile)
    left_out = skipped | set(profile.unknown)
    trials = Trials(facts, rulebook, nobody_knows=left_out)
    decisive = decisive_facts(trials, advised(facts, rulebook))
    askable = {
        fact.id: fact
        for fact in rulebook.vocabulary
        if fact.question and fact.id not in left_out and fact.id not in facts
    }
    open_ones = [
        fact
        for fact in askable.values()
        if (fact.id in decisive or (fact.ask and not turning))
        and facts.get(fact.follows) is not False
    ]
    return _in_order(sorted(open_ones, key=lambda fact: _place(fact, decisive)), askable)


def _place(fact: Fact, decisive: Mapping[str, float]) -> tuple[bool, float]:
    """Where a fact stands: first of all, then by decisiveness, what decides nothing last."""
    return fact.ask != "first", 0.0 if fact.ask == "first" else -decisive.get(fact.id, 0.0)


def _in_order(ranked: Sequence[Fact], askable: Mapping[str, Fact]) -> tuple[Fact, ...]:
    """The facts in their order, but each after the question that it follows."""
    placed: dict[str, Fact] = {}
    for fact in ranked:
        if fact.follows in askable:
            placed.setdefault(fact.follows, askable[fact.follows])
        placed.setdefault(fact.id, fact)
    return tuple(placed.values())
