"""Which rules fire, and the order of approaches that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from advisor.errors import RuleConflictError
from advisor.rulebook.conditions import Facts, Outcome, holds
from advisor.schema.rule import Action, Approach, Rule, Rulebook, RuleKind, Strength

COST_ORDER: tuple[Approach, ...] = (
    "prompting",
    "few_shot",
    "prompt_optimisation",
    "long_context",
    "rag",
    "small_model",
    "fine_tuning",
    "rag_plus_fine_tuning",
    "preference_tuning",
    "continued_pretraining",
    "reinforcement",
    "collect_data",
    "none",
)
"""Cheapest first; near ties go to the earlier one. `collect_data` yields to everything else."""
RANK_OF_COST = {approach: rank for rank, approach in enumerate(COST_ORDER)}
TUNING: frozenset[Approach] = frozenset(
    {
        "fine_tuning",
        "rag_plus_fine_tuning",
        "preference_tuning",
        "continued_pretraining",
        "reinforcement",
    }
)
"""Approaches that change a language model's weights."""
PARTS = 1_000_000
"""Parts of one point of strength, in which scores are summed."""


class Finding(NamedTuple):
    """A rule and how its condition came out."""

    rule: Rule
    outcome: Outcome


@dataclass(frozen=True)
class Order:
    """Scores of all approaches, best first."""

    ranked: tuple[Approach, ...]
    scores: Mapping[Approach, float]
    forbidden: frozenset[Approach]
    required: Approach | None
    recommended: Approach | None
    """None when no reason speaks for anything."""
    near: tuple[Approach, ...]
    """Approaches that tie with the best score, cheapest first; a required one stands alone."""


def active_rules(rulebook: Rulebook, kind: RuleKind) -> list[Rule]:
    """The rules of a kind that are in force."""
    return [r for r in rulebook.rules if r.kind == kind and r.status == "active"]


def order(
    rules: Iterable[Rule], strengths: Mapping[Strength, float], *, tie: float | None = None
) -> Order:
    """The order that firing decision rules give: forbid and require first, then sums of strengths.

    Scores closer than `tie` (one weak reason unless said) are tied, and the cheaper approach leads.
    Raises RuleConflictError when one rule requires what another forbids, or two require different
    approaches.
    """
    firing = list(rules)
    required, forbidden = musts(firing)
    parts: dict[Approach, int] = dict.fromkeys(get_args(Approach), 0)
    for rule in firing:
        for action in rule.then:
            if action.approach is not None:
                parts[action.approach] += parts_of(weight_of(action, strengths))
    allowed = [a for a in COST_ORDER if a not in forbidden]
    near = tied(parts, allowed, parts_of(strengths["weak"] if tie is None else tie))
    first = required or (near[0] if near else None)
    rest = sorted(
        (a for a in COST_ORDER if a != first),
        key=lambda a: (a in forbidden, -parts[a], RANK_OF_COST[a]),
    )
    speaks = required is not None or (first is not None and parts[first] > 0)
    return Order(
        ranked=(first, *rest) if first else tuple(rest),
        scores={approach: count / PARTS for approach, count in parts.items()},
        forbidden=frozenset(forbidden),
        required=required,
        recommended=first if speaks else None,
        near=near if required is None else (required,),
    )


def tied(
    parts: Mapping[Approach, int], allowed: Sequence[Approach], tie: int
) -> tuple[Approach, ...]:
    """The allowed approaches closer than `tie` to the best, in the order given.

    What no reason speaks for never ties with what some reason speaks for.
    """
    top = max((parts[a] for a in allowed), default=0)
    return tuple(a for a in allowed if top - parts[a] < tie and (parts[a] > 0 or top <= 0))


def parts_of(weight: float) -> int:
    """A weight in whole parts: sums of parts are exact, in whatever order they are added."""
    return round(weight * PARTS)


def advised(facts: Facts, rulebook: Rulebook) -> Approach | None:
    """The recommended approach alone, quickly; raises RuleConflictError."""
    firing = (r for r in active_rules(rulebook, "decision") if holds(r.when, facts))
    return order(firing, rulebook.strengths, tie=rulebook.tie).recommended


def weight_of(action: Action, strengths: Mapping[Strength, float]) -> float:
    """What one action adds to its approach's score."""
    if action.strength is None:
        return 0.0
    if action.effect == "favour":
        return strengths[action.strength]
    return -strengths[action.strength] if action.effect == "oppose" else 0.0


def musts(firing: Iterable[Rule]) -> tuple[Approach | None, dict[Approach, str]]:
    """What firing rules require, and what they forbid with the id of the rule that does.

    Raises RuleConflictError when they contradict each other.
    """
    required: dict[Approach, str] = {}
    forbidden: dict[Approach, str] = {}
    for rule in firing:
        for action in rule.then:
            if action.approach is not None and action.effect == "require":
                required.setdefault(action.approach, rule.id)
            if action.approach is not None and action.effect == "forbid":
                forbidden.setdefault(action.approach, rule.id)
    for approach, rule_id in required.items():
        if approach in forbidden:
            raise _conflict(rule_id, f"requires {approach}", forbidden[approach], "forbids it")
    if len(required) > 1:
        (one, first), (other, second) = list(required.items())[:2]
        raise _conflict(first, f"requires {one}", second, f"requires {other}")
    return next(iter(required), None), forbidden


def _conflict(first: str, says: str, second: str, answers: str) -> RuleConflictError:
    return RuleConflictError(
        f"The rule {first} {says}, and the rule {second} {answers}.",
        hint="Switch one of the two off in a policy file (--policy), with the reason.",
        where=f"{first}, {second}",
    )
