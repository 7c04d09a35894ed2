"""What the rules advise, with every reason, and what could still change it."""

from __future__ import annotations

from typing import Any

from pydantic import model_serializer, model_validator

from advisor.schema.base import Value
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Effect, Scalar, Strength


class Reason(Value):
    """Why a rule speaks for or against an approach."""

    rule_id: str
    title: str
    effect: Effect
    approach: Approach
    strength: Strength | None = None
    because: dict[str, Scalar]
    """The facts the rule looked at and their values."""
    why: str
    sources: tuple[str, ...] = ()


class RankedApproach(Value):
    """One approach with its score and reasons."""

    approach: Approach
    score: float
    """Sum of strengths for minus strengths against."""
    probability_acceptable: float | None = None
    """None until a calibration on published outcomes exists."""
    forbidden: bool = False
    reasons: tuple[Reason, ...] = ()


class OpenQuestion(Value):
    """A fact nobody knows that some rule wanted."""

    fact: str
    question: str
    could_change: bool
    """Answering it could change the recommended approach."""


class Flip(Value):
    """A change of one fact that changes the advice; documents say `from` and `to`."""

    fact: str
    from_value: Scalar | None
    to_value: Scalar
    then: Approach

    @model_validator(mode="before")
    @classmethod
    def _from_document(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        names = {"from": "from_value", "to": "to_value"}
        return {names.get(key, key): item for key, item in content.items()}

    @model_serializer
    def _as_document(self) -> dict[str, Any]:
        return {
            "fact": self.fact,
            "from": self.from_value,
            "to": self.to_value,
            "then": self.then,
        }


class TraceLine(Value):
    """How one rule evaluated."""

    rule_id: str
    outcome: str
    """fires, silent or undetermined."""
    missing: tuple[str, ...] = ()
    """Facts that are unknown and keep the rule undetermined."""


class Decision(Value):
    """The ranking over approaches, its reasons, and what is still open."""

    approaches: tuple[RankedApproach, ...]
    """Best first."""
    recommended: Approach | None
    """None when not enough is known: no rule fired."""
    margin: float
    """Score of the first minus score of the second."""
    close_call: bool
    next_step: str
    methods: tuple[str, ...] = ()
    """Tuning methods worth pricing."""
    open_questions: tuple[OpenQuestion, ...] = ()
    what_would_change_it: tuple[Flip, ...] = ()
    warnings: tuple[str, ...] = ()
    trace: tuple[TraceLine, ...] = ()
    policy: tuple[str, ...] = ()
    """What a user's own policy file switched off or reweighed, with its reason."""


class Advice(Value):
    """The document of the decide stage: the decision beside the profile it rests on."""

    profile: Profile
    decision: Decision
