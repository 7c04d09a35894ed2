"""What the rules advise, with every reason, and what could still change it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_serializer, model_validator

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


class Gain(Value):
    """What an approach is expected to add to the best plain prompt, in points of 100."""

    low: float
    likely: float
    high: float
    basis: str
    """Which published comparisons the quantiles (10, 50 and 90 %) come from, and how many."""


class RankedApproach(Value):
    """One approach with its score and reasons."""

    approach: Approach
    score: float
    """Sum of strengths for minus strengths against."""
    probability_acceptable: float | None = None
    """Chance of lying within two points of the best approach, calibrated on published outcomes.

    0 for a forbidden approach. None for a required one, which needs no chance, for `collect_data`
    and `none`, which nothing measured, and for all the others where nothing is recommended.
    """
    expected_gain: Gain | None = None
    """None where no published comparison is like this profile, for what a rule requires or forbids,
    and for `collect_data` and `none`. No gain goes beyond what a score from 0 to 1 leaves room for.
    """
    forbidden: bool = False
    reasons: tuple[Reason, ...] = ()


class OpenQuestion(Value):
    """A fact nobody knows that some rule wanted."""

    fact: str
    question: str
    could_change: bool
    """Answering it could change the recommended approach."""
    outcomes: tuple[Approach, ...] = ()
    """Other approaches that some answer would bring to the top."""
    measured_by: str = ""
    """What could measure it instead of asking."""
    told_unknown: bool = False
    """Somebody was asked for it and did not know."""


class FactChange(Value):
    """One fact, what it is (None: unknown) and what it would have to be.

    Documents say `from` and `to`.
    """

    fact: str
    from_value: Scalar | None
    to_value: Scalar

    @model_validator(mode="before")
    @classmethod
    def _from_document(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        names = {"from": "from_value", "to": "to_value"}
        return {names.get(key, key): item for key, item in content.items()}

    @model_serializer
    def _as_document(self) -> dict[str, Any]:
        return {"fact": self.fact, "from": self.from_value, "to": self.to_value}


class Flip(FactChange):
    """The smallest change of one fact, or of two together, that changes the advice.

    A second change stands under `together_with`.
    """

    then: Approach
    together_with: FactChange | None = None

    @model_serializer
    def _as_document(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "fact": self.fact,
            "from": self.from_value,
            "to": self.to_value,
            "then": self.then,
        }
        if self.together_with is not None:
            shown["together_with"] = self.together_with.model_dump()
        return shown


class Setting(Value):
    """A plan field that the rules fill for this profile, such as the rank, and which rule did."""

    key: str
    value: Scalar
    rule_id: str
    because: dict[str, Scalar] = Field(default_factory=dict)


class AskedCriterion(Value):
    """What the gate will ask, with the number it will hold the answer to."""

    rule_id: str
    asked: str


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
    """Score of the first minus score of the second; in a near tie it may be below 0."""
    close_call: bool
    """Whether there are near ties; the cheapest of them is recommended then."""
    next_step: str
    runner_up: Approach | None = None
    """The best of the others that is not forbidden."""
    near_ties: tuple[Approach, ...] = ()
    """Approaches too close to call with the best score, cheapest first, the recommended one among
    them; empty where the advice is clear."""
    methods: tuple[str, ...] = ()
    """Tuning methods worth pricing."""
    settings: tuple[Setting, ...] = ()
    """Plan fields for those methods that the rules fill for this data and model."""
    builders: tuple[str, ...] = ()
    """Prompt builders worth measuring before anything is trained."""
    criteria: tuple[AskedCriterion, ...] = ()
    """What the gate will hold the measured scores to."""
    hangs_on: tuple[str, ...] = ()
    """The unknown facts, two at most, on which the recommendation hangs most: many an answer to one
    of them alone would turn it. A surface can say "provided that ..."."""
    open_questions: tuple[OpenQuestion, ...] = ()
    what_would_change_it: tuple[Flip, ...] = ()
    """At most twelve: facts that somebody can change, then what is given with the task, then two
    facts together, which are looked for among the former only and where few of those turn the
    advice alone. Another `task.kind` is another task and never stands here."""
    warnings: tuple[str, ...] = ()
    trace: tuple[TraceLine, ...] = ()
    policy: tuple[str, ...] = ()
    """What a user's own policy file switched off, reweighed or added, with its reason; then the
    added rules that do not speak yet because a fact is unknown."""


class Advice(Value):
    """The document of the decide stage: the decision beside the profile it rests on."""

    profile: Profile
    decision: Decision
