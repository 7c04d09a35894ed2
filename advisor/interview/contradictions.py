"""Answers that can hardly both be right, told as soon as the second is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from advisor.errors import RuleParseError
from advisor.interview.language import Language
from advisor.rulebook.conditions import facts_named, facts_of, holds
from advisor.rulebook.entries import entries_of
from advisor.rulebook.reading import Faults
from advisor.schema.base import Value
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Condition

FILE = "contradictions.yaml"
HINT = "rules/contradictions.yaml is a list of entries with `id` and `when`, a condition of a rule."


class Contradiction(Value):
    """Answers that do not go together; the sentence for it stands in the language files."""

    id: str
    when: Condition


def load_contradictions(root: Path) -> tuple[Contradiction, ...]:
    """The contradictions of a rules folder; raises RuleParseError for a faulty file."""
    faults = Faults()
    found = entries_of(root / FILE, Contradiction, faults)
    faults.raise_as(RuleParseError, hint=HINT)
    return found


def contradictions_of(
    fact: Fact, profile: Profile, known: Sequence[Contradiction], language: Language
) -> tuple[str, ...]:
    """A sentence for each contradiction of the profile in which this fact takes part."""
    facts = facts_of(profile)
    return tuple(
        language.contradictions[one.id]
        for one in known
        if fact.id in facts_named(one.when) and holds(one.when, facts)
    )
