"""The unknown facts on which a recommendation hangs most, and what else they would make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from advisor.approaches import NAMES
from advisor.rulebook.questions import Stake
from advisor.rulebook.trials import Trials
from advisor.rulebook.values import SHARE, Cell
from advisor.schema.decide import OpenQuestion
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Scalar

MOST_NAMED = 2
LEAST_CHANCE = 0.2
"""The share of a fact's answers that must turn the advice before it is said to hang on the fact."""
SUPPOSED = {
    "data.labelled_samples": "labelled samples",
    "data.preference_pairs": "pairs of a better and a worse answer",
    "data.unlabelled_tokens": "raw text to train on",
    "knowledge.document_characters": "documents of some length",
}
"""What advice supposes silently that hangs on having enough of it."""

Outcome = tuple[Cell, Approach | None]


def hangs_on(
    stakes: Mapping[str, Stake],
    questions: Sequence[OpenQuestion],
    now: Approach | None,
    first: AbstractSet[str],
) -> tuple[str, ...]:
    """At most two open questions of which many an answer alone would turn the advice.

    Those that are asked first of all (`first`) lead, then the most decisive.
    """
    if now is None:
        return ()
    found = [
        q.fact for q in questions if q.fact in stakes and stakes[q.fact].chance >= LEAST_CHANCE
    ]
    found.sort(key=lambda fact: fact not in first)
    return tuple(found[:MOST_NAMED])


def supposition(trials: Trials, now: Approach, fact_id: str) -> str:
    """What advice supposes of an unknown fact, and where it would lead otherwise; may be empty."""
    fact = trials.vocabulary[fact_id]
    touched = trials.waiting(fact_id)
    outcomes = [
        (cell, trials.advice_of(trials.firing_after(known, touched), now))
        for cell, known in trials.tries(fact_id)
    ]
    turned = [(cell, then) for cell, then in outcomes if then is not None and then != now]
    if not turned:
        return ""
    if fact.type in {"bool", "choice"}:
        cell, then = max(turned, key=lambda outcome: outcome[0].weight)
        return _still_open(fact, _answer(cell.value), then)
    return _by_size(fact, outcomes, now)


def _by_size(fact: Fact, outcomes: Sequence[Outcome], now: Approach) -> str:
    """The lower end of the numbers where it turns the advice, else the upper one, else one."""
    pairs = [(float(v), then) for cell, then in outcomes for v in cell.values]
    rising = sorted(pairs, key=lambda pair: pair[0])
    low = _run(rising, now)
    if low is not None:
        number, then = low
        if fact.id in SUPPOSED:
            ending = f"with fewer than {number:,g} it would be {NAMES[then]}"
            return f"This supposes {SUPPOSED[fact.id]}; {ending}."
        return _still_open(fact, f"below {_number(number, fact)}", then)
    high = _run(rising[::-1], now)
    if high is not None:
        return _still_open(fact, f"more than {_number(high[0], fact)}", high[1])
    weights: dict[Approach, float] = {}
    for cell, other in outcomes:
        if other is not None and other != now:
            weights[other] = weights.get(other, 0.0) + cell.weight
    likely = max(weights, key=lambda approach: weights[approach])
    chosen = max((c for c, other in outcomes if other == likely), key=lambda each: each.weight)
    return _still_open(fact, _number(float(chosen.value), fact), likely)


def _run(
    ordered: Sequence[tuple[float, Approach | None]], now: Approach
) -> tuple[float, Approach] | None:
    """Where the advice is itself again, coming from one end, and what stands nearest before it."""
    before: Approach | None = None
    for number, then in ordered:
        if then == now or then is None:
            return (number, before) if before is not None else None
        before = then
    return None


def _still_open(fact: Fact, answer: str, then: Approach) -> str:
    return f"Still open: {fact.question} ({fact.id}); {answer} would make it {NAMES[then]}."


def _answer(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{str(value).replace('_', ' ')}'"


def _number(value: float, fact: Fact) -> str:
    return f"{100 * value:g} %" if fact.unit == SHARE else f"{value:,g}"
