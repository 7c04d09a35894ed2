"""What a decision says, in words: the same on a terminal, in Markdown and in HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.safe import UNKNOWN, fact_text, percent, safe_text, signed, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from advisor.schema.decide import (
        Decision,
        Gain,
        OpenQuestion,
        RankedApproach,
        Reason,
        Setting,
    )
    from advisor.schema.rule import Scalar

CHANCE_MEANING = (
    "Chance: that the approach comes within two points of the best one, as often as such advice was"
    " right on published comparisons."
)
SCORE_MEANING = "Score: reasons for minus reasons against; the order goes by it."
SHORT_MEANING = "Score: reasons for minus against. Chance: to be within 2 points of the best."
"""Both in one line of a terminal."""
GAIN_MEANING = (
    "Gain: points of 100 over the best plain prompt (8 of 10 lie in brackets), as published"
    " comparisons of such tasks showed it, whatever else speaks for or against."
)
SHORT_GAIN = (
    "Gain: points over a prompt in published comparisons of such tasks, whatever else speaks for"
    " or against."
)
NO_GAIN = "\N{EN DASH}"
"""Stands in a table for a gain that no published comparison tells."""
SMALL = 0.001
ALMOST_NEVER = 0.005
WEIGHT = {"strong": 0, "moderate": 1, "weak": 2}
FOR = ("require", "favour")
AGAINST = ("forbid", "oppose")
MEASURES = {
    "dataset": "--data FILE",
    "documents": "--docs PATH",
    "catalog": "--model NAME",
    "machine": "advisor profile",
    "baseline": "advisor baseline",
    "gate": "advisor gate",
}
"""What measures a fact, by the vocabulary's word for it."""


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def chance_words(ranked: RankedApproach | None) -> str:
    """'78 %', '< 1 %', or 'unknown'."""
    chance = ranked.probability_acceptable if ranked else None
    if chance is not None and not ALMOST_NEVER <= chance <= 1 - ALMOST_NEVER:
        return "< 1 %" if chance < ALMOST_NEVER else "> 99 %"
    return percent(chance, 0)


def requiring_rule(ranked: RankedApproach | None) -> str:
    """The rule that requires an approach, whatever its chances elsewhere; empty for none."""
    reasons = ranked.reasons if ranked else ()
    return next((safe_text(r.rule_id) for r in reasons if r.effect == "require"), "")


def sure_words(ranked: RankedApproach | None) -> str:
    """How sure the advice of an approach is: its chance, or the rule that requires it."""
    required = requiring_rule(ranked)
    if required:
        return f"required by {required}"
    if ranked is None or ranked.probability_acceptable is None:
        return ""
    return f"{chance_words(ranked)} chance to come within two points of the best approach"


def gain_words(gain: Gain | None) -> str:
    """'+12 (+3 to +27)' in points; 'unknown' where no published comparison is like this."""
    if gain is None:
        return UNKNOWN
    low, likely, high = (signed(points, 0) for points in (gain.low, gain.likely, gain.high))
    return f"{likely} ({low} to {high})"


def ranked_of(decision: Decision, approach: str | None) -> RankedApproach | None:
    """The entry of an approach in the ranking."""
    return next((r for r in decision.approaches if r.approach == approach), None)


def first_two(decision: Decision) -> list[RankedApproach]:
    """The recommended approach and the runner-up, as far as there are such."""
    rest = (r for r in decision.approaches if r.approach != decision.recommended)
    runner_up = decision.runner_up or next((r.approach for r in rest if not r.forbidden), None)
    wanted = (decision.recommended, runner_up) if decision.recommended else ()
    return [found for a in wanted if (found := ranked_of(decision, a)) is not None]


def ties_words(decision: Decision) -> str:
    """'Few-shot and RAG are too close to call; few-shot is the cheapest.'; empty without a tie."""
    names = [words(approach) for approach in decision.near_ties]
    if len(names) < 2:
        return ""
    ending = f"{names[0]} is the cheap{'er' if len(names) == 2 else 'est'}"
    return f"{_capital(listed(names))} are too close to call; {ending}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def standing_sentences(decision: Decision) -> Iterator[str]:
    """How sure the advice is, what it is worth, and what comes second."""
    best = ranked_of(decision, decision.recommended)
    sure = sure_words(best)
    if sure:
        yield f"{sure[:1].upper()}{sure[1:]}."
    if best is not None and best.expected_gain is not None:
        gain = best.expected_gain
        yield f"Expected gain over the best plain prompt: {gain_words(gain)} points."
    ties = ties_words(decision)
    if ties:
        yield ties
    elif decision.runner_up is not None:
        second = ranked_of(decision, decision.runner_up)
        chance = "" if chance_words(second) == UNKNOWN else f" ({chance_words(second)})"
        yield f"Runner-up: {words(decision.runner_up)}{chance}."


def sides(ranked: RankedApproach) -> tuple[list[Reason], list[Reason]]:
    """Reasons for and against an approach, the weightiest first."""
    return _heaviest(ranked.reasons, FOR), _heaviest(ranked.reasons, AGAINST)


def _heaviest(reasons: Iterable[Reason], effects: tuple[str, ...]) -> list[Reason]:
    """Each rule once: those that require or forbid, then the strong, the moderate, the weak."""
    told: dict[str, Reason] = {}
    for reason in sorted(
        (r for r in reasons if r.effect in effects),
        key=lambda r: (r.effect != effects[0], WEIGHT.get(r.strength or "", 0)),
    ):
        told.setdefault(reason.rule_id, reason)
    return list(told.values())


def has_support(ranked: RankedApproach) -> bool:
    """Whether some rule speaks for an approach."""
    return any(reason.effect in FOR for reason in ranked.reasons)


def weight_words(reason: Reason) -> str:
    """'strong', 'must' or 'never'."""
    return reason.strength or {"require": "must", "forbid": "never"}.get(reason.effect, "")


def chief_reason(ranked: RankedApproach | None) -> str:
    """'Facts that change are looked up (volatile-knowledge)': what speaks most for an approach."""
    pro, _ = sides(ranked) if ranked else ([], [])
    return f"{safe_text(pro[0].title)} ({safe_text(pro[0].rule_id)})" if pro else ""


def forbidding_rules(ranked: RankedApproach) -> list[str]:
    """Ids of the rules that rule an approach out."""
    return list(dict.fromkeys(r.rule_id for r in ranked.reasons if r.effect == "forbid"))


def standing(ranked: RankedApproach, decision: Decision) -> str:
    """'recommended', 'too close to call', 'runner-up', 'ruled out by data-stays-here'."""
    if ranked.forbidden:
        by = listed([safe_text(rule) for rule in forbidding_rules(ranked)])
        return f"ruled out by {by}" if by else "ruled out"
    if ranked.approach == decision.recommended:
        return "recommended, a close call" if decision.close_call else "recommended"
    if ranked.approach in decision.near_ties:
        return "too close to call"
    return "runner-up" if ranked.approach == decision.runner_up else ""


def value_words(value: Scalar) -> str:
    """A fact's value as people read it; choices without underscores."""
    return words(value) if isinstance(value, str) else fact_text(value)


def outcomes_words(question: OpenQuestion) -> str:
    """'fine-tuning or RAG': what an answer could bring to the top."""
    names = [words(approach) for approach in question.outcomes]
    return listed(names).replace(" and ", " or ")


def measure_words(question: OpenQuestion) -> str:
    """What measures the fact instead of asking: 'advisor baseline'; empty where nothing does."""
    return MEASURES.get(question.measured_by, safe_text(question.measured_by))


def setting_name(setting: Setting) -> str:
    """'learning rate (LoRA)': the field as people read it, and for which methods alone."""
    scope, _, field = setting.key.rpartition(".")
    name = safe_text(field).replace("_", " ")
    return f"{name} ({words(scope)})" if scope else name


def setting_value(setting: Setting) -> str:
    """The value as people read it; a small learning rate with all its noughts."""
    value = setting.value
    if isinstance(value, float) and 0 < abs(value) < SMALL:
        return f"{value:.9f}".rstrip("0")
    return value_words(value)


def builders_words(decision: Decision) -> str:
    """'zero-shot, few-shot, RAG'."""
    return ", ".join(words(builder) for builder in decision.builders)


def methods_words(decision: Decision) -> str:
    """'LoRA, QLoRA'."""
    return ", ".join(words(method) for method in decision.methods)
