"""A rule, its condition and its policy, as they stand in `rules/`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from advisor.schema.base import Value
from advisor.schema.facts import Fact

Approach = Literal[
    "prompting",
    "few_shot",
    "prompt_optimisation",
    "long_context",
    "rag",
    "small_model",
    "fine_tuning",
    "rag_plus_fine_tuning",
    "preference_tuning",
    "reinforcement",
    "continued_pretraining",
    "collect_data",
    "none",
]
Operator = Literal["is", "is_not", "in", "at_least", "at_most", "between"]
Effect = Literal["favour", "oppose", "require", "forbid", "warn", "ask", "stop", "collect", "set"]
Strength = Literal["weak", "moderate", "strong"]
RuleKind = Literal["decision", "warning", "gate", "default"]
Scalar = bool | int | float | str


class Condition(Value):
    """Either one comparison (`fact`, `op`, `value`) or one group (`all`, `any`, `none`)."""

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    none: tuple[Condition, ...] | None = None
    fact: str | None = None
    op: Operator | None = None
    value: Scalar | tuple[Scalar, ...] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        groups = [g for g in (self.all, self.any, self.none) if g is not None]
        comparison = self.fact is not None and self.op is not None and self.value is not None
        partial = self.fact is not None or self.op is not None or self.value is not None
        if len(groups) + partial != 1 or (partial and not comparison):
            msg = "a condition is either one of all/any/none, or fact + op + value"
            raise ValueError(msg)
        return self


class Action(Value):
    """What a rule does when its condition holds."""

    effect: Effect
    approach: Approach | None = None
    strength: Strength | None = None
    message: str = ""
    """For warn, ask, stop and collect: the sentence shown."""
    key: str = ""
    """For `set`: the plan field a default fills."""
    value: Scalar | None = None


class SourceRef(Value):
    """A citation of an entry of `rules/sources.yaml`."""

    ref: str
    at: str = ""
    """Section, table or row."""


class Rule(Value):
    """One rule: a condition, its effects, its reason and its evidence."""

    id: str
    title: str
    kind: RuleKind
    status: Literal["draft", "active", "retired"] = "active"
    replaced_by: str = ""
    """Retired rules only: id of the rule that took its place, empty where none did."""
    since: str
    when: Condition
    then: tuple[Action, ...] = Field(min_length=1)
    asked: str = ""
    """Gate rules only: the criterion in words, as the verdict prints it."""
    order: int = 100
    """Gate rules: place in the verdict, the first that fails decides. Defaults: place in line."""
    why: str
    evidence: Literal["strong", "moderate", "opinion"]
    basis: Literal["fitted", "pooled", "judged"] = "judged"
    """Where the strengths come from: weighed on published outcomes with one publication left out at
    a time, read off many pooled comparisons, or set by the authors."""
    sources: tuple[SourceRef, ...] = ()


class RuleCase(Value):
    """One test case that lives beside its rule."""

    name: str
    profile: dict[str, dict[str, Scalar]]
    expect: Literal["fires", "silent", "undetermined"]


class Source(Value):
    """A publication or measurement that rules and catalog entries cite."""

    id: str
    title: str
    url: str = ""
    kind: Literal["paper", "vendor_page", "measurement", "experience"]
    published: str = ""
    accessed: str = ""


class Acceptance(Value):
    """How a score becomes a chance that the approach is acceptable (`rules/acceptance.yaml`).

    logit(p) = intercept + per_point_behind * points behind the best score, at most `most_behind`
    + the approach's offset; fitted to published outcomes that the weighing of the rules had not
    seen.
    """

    intercept: float
    per_point_behind: float
    most_behind: float = Field(gt=0)
    """Points behind the best beyond which a gap says no more."""
    offsets: dict[Approach, float] = Field(default_factory=dict)
    """Only of approaches that enough publications measured."""
    basis: str
    fitted: str
    """Date of the fit."""


class GainBand(Value):
    """Published gains over the best plain prompt, for profiles that meet a condition."""

    approach: Approach
    when: Condition
    low: float
    likely: float
    high: float
    comparisons: int
    sources: int
    """Distinct publications behind the comparisons."""


class Rulebook(Value):
    """All rules in force, with the vocabulary and sources they refer to."""

    rules: tuple[Rule, ...]
    facts: tuple[str, ...]
    """Ids of every known fact."""
    strengths: dict[Strength, float]
    sources: tuple[Source, ...]
    digest: str
    """SHA-256 over the rule files, so that an artifact can say which rules made it."""
    vocabulary: tuple[Fact, ...] = ()
    """The facts with their questions and types, in the order of `rules/facts.yaml`."""
    acceptance: Acceptance | None = None
    gains: tuple[GainBand, ...] = ()
    """The first band of an approach whose condition holds counts."""
    tie: float | None = Field(default=None, gt=0)
    """Scores closer than this are tied (`rules/strengths.yaml`); one weak reason if None."""
    policy: tuple[str, ...] = ()
    """What the user's own policy file switched off, reweighed or added, with its reason."""
    added: tuple[str, ...] = ()
    """Ids of the rules that it added."""
