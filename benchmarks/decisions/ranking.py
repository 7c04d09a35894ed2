"""From a decision over approaches to an order of the families that published cases measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.decide import Decision, Gain, RankedApproach, Setting
from advisor.schema.rule import Approach
from benchmarks.decisions.cases import APPROACH_OF

SECOND_FAMILY = 0.75
"""Chance of a tuning family that is not the advised one, as a share of fine-tuning's own."""


@dataclass(frozen=True)
class Answer:
    """What a policy says of one case."""

    families: tuple[str, ...]
    """Best first; only families that a case measured are judged."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """Chance that a family is acceptable; empty for a policy that tells none."""
    first: tuple[str, ...] = ()
    """Families of the approach at the top of all; none when the policy advises none of them."""
    gains: Mapping[Approach, Gain] = field(default_factory=dict)
    """Expected gains over the best plain prompt, in points."""


def answer_of(decision: Decision, second_family: float = SECOND_FAMILY) -> Answer:
    """The decision in families; forbidden approaches come last with chance 0.

    Of prompting and few-shot the first counts, with the greater chance. The families of
    fine-tuning that are not its first have its chance times `second_family`.
    """
    allowed = [ranked for ranked in decision.approaches if not ranked.forbidden]
    forbidden = [ranked for ranked in decision.approaches if ranked.forbidden]
    order: dict[str, None] = {}
    chances: dict[str, float] = {}
    for ranked in (*allowed, *forbidden):
        for family, share in _families(ranked.approach, decision, second_family).items():
            order.setdefault(family)
            if ranked.forbidden:
                chances.setdefault(family, 0.0)
            elif ranked.probability_acceptable is not None:
                chance = share * ranked.probability_acceptable
                chances[family] = max(chances.get(family, 0.0), chance)
    top = decision.recommended
    return Answer(
        families=tuple(order),
        chances=chances if _tells_chances(allowed) else {},
        first=tuple(_families(top, decision, second_family)) if top else (),
        gains={r.approach: r.expected_gain for r in allowed if r.expected_gain is not None},
    )


def families_of(approach: Approach) -> tuple[str, ...]:
    """Every family that counts as the approach, in no order that a decision gave."""
    return tuple(family for family, counts_as in APPROACH_OF.items() if approach in counts_as)


def tuning_order(methods: Sequence[str], settings: Sequence[Setting]) -> tuple[str, ...]:
    """The families of fine-tuning as methods and settings advise them, the advised one first."""
    plain = ("full_ft", "peft") if methods[:1] == ("full",) else ("peft", "full_ft")
    if any(s.key == SHOTS_KEY and s.value is True for s in settings):
        return ("icl_plus_ft", *plain, "ft_unspecified")
    return (*plain, "ft_unspecified", "icl_plus_ft")


def _families(approach: Approach, decision: Decision, second_family: float) -> Mapping[str, float]:
    """The approach's families in order, with their share of its chance."""
    if approach != "fine_tuning":
        return dict.fromkeys(families_of(approach), 1.0)
    order = tuning_order(decision.methods, decision.settings)
    sure = {order[0]: 1.0}
    if order[0] != "icl_plus_ft":
        sure["ft_unspecified"] = 1.0
    return dict.fromkeys(order, second_family) | sure


def _tells_chances(ranked: Sequence[RankedApproach]) -> bool:
    return any(approach.probability_acceptable is not None for approach in ranked)
