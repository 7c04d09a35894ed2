"""What the rules advise for a profile, before or after anything is measured."""

from __future__ import annotations

from advisor.rulebook.engine import rank
from advisor.schema.decide import Decision
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook


def decide(profile: Profile, rulebook: Rulebook) -> Decision:
    """The ranking over approaches with its reasons; raises RuleConflictError."""
    return rank(profile, rulebook)
