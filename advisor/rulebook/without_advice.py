"""What is said where nothing is advised: little known, nothing in favour, or all ruled out."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from advisor.approaches import NAMES
from advisor.rulebook.ordering import Finding, Order
from advisor.schema.decide import OpenQuestion

MOST_NAMED = 3


def without_advice(
    order: Order,
    decisions: Sequence[Finding],
    questions: Sequence[OpenQuestion],
    first: AbstractSet[str],
) -> str:
    """Why an order recommends nothing, and what would lead to advice.

    `first`: the facts that are asked first of all; they are named before the most decisive.
    """
    blocked = [a for a in order.ranked if a in order.forbidden and order.scores[a] > 0]
    if not blocked and len(order.forbidden) == len(order.ranked):
        blocked = list(order.ranked)
    if blocked:
        return _ruled_out(blocked, decisions)
    asking = _to_answer(questions, first)
    if any(order.scores.values()):
        return f"Nothing has more for it than against it. {asking}"
    return f"Not enough is known to advise anything. {asking}"


def _ruled_out(blocked: Sequence[str], decisions: Sequence[Finding]) -> str:
    rules = dict.fromkeys(
        finding.rule.id
        for finding in decisions
        for action in finding.rule.then
        if action.effect == "forbid" and action.approach in blocked
    )
    names = [NAMES[a] for a in NAMES if a in blocked]
    what = "Everything" if len(names) == len(NAMES) else f"What speaks for itself ({_all(names)})"
    by = f"the rule {next(iter(rules))}" if len(rules) == 1 else f"the rules {_all(list(rules))}"
    return (
        f"{what} is ruled out by {by}. Change what they go by, or switch one off in a policy file"
        " (--policy), with the reason."
    )


def _to_answer(questions: Sequence[OpenQuestion], first: AbstractSet[str]) -> str:
    useful = [q for q in questions if not q.told_unknown and (q.could_change or q.fact in first)]
    named = sorted(useful, key=lambda q: q.fact not in first)[:MOST_NAMED]
    if not named:
        return "No answer that is missing would change that; `advisor rules explain` says why."
    told = " ".join(f"{q.question} ({q.fact})" for q in named)
    return f"To be answered: {told} `advisor interview` asks."


def _all(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
