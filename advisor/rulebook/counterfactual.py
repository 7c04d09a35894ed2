"""What single change, or what answer to an open question, would turn the advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

from advisor.errors import RuleConflictError
from advisor.rulebook.conditions import Facts, comparisons, outcome
from advisor.rulebook.ordering import active_rules, advised
from advisor.schema.decide import Flip
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Condition, Rulebook, Scalar

MOST_FLIPS = 12
MOST_COMBINATIONS = 128
MOST_MISSING = 5
SHARES = frozenset({"share of 1"})


def values_worth_trying(rulebook: Rulebook) -> dict[str, tuple[Scalar, ...]]:
    """For every fact that a decision rule asks for: values on either side of each threshold."""
    vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
    found: dict[str, dict[Scalar, None]] = {}
    for rule in active_rules(rulebook, "decision"):
        for part in comparisons(rule.when):
            fact = vocabulary.get(part.fact or "")
            if fact is not None:
                values = found.setdefault(fact.id, {})
                values.update(dict.fromkeys(_sides(part, fact)))
    return {fact: tuple(values) for fact, values in found.items()}


def flips(facts: Facts, rulebook: Rulebook, now: Approach | None) -> tuple[Flip, ...]:
    """Changes of one known fact that change the advice, the smallest per fact and outcome."""
    found: list[Flip] = []
    for fact, values in values_worth_trying(rulebook).items():
        if fact not in facts:
            continue
        seen: set[Approach] = set()
        for value in _nearest_first(values, facts[fact]):
            then = _advised_with(facts, rulebook, {fact: value})
            if then is None or then == now or then in seen or value == facts[fact]:
                continue
            seen.add(then)
            found.append(Flip(fact=fact, from_value=facts[fact], to_value=value, then=then))
    return tuple(found[:MOST_FLIPS])


def decisive_facts(facts: Facts, rulebook: Rulebook, now: Approach | None) -> dict[str, int]:
    """Unknown facts whose answer could turn the advice, and how many other outcomes each opens.

    A fact counts when some value of it alone turns the advice, or together with the other unknown
    facts of one rule (then it opens at least one outcome). The search over a rule's unknown facts
    stops at a fixed number of combinations.
    """
    trials = values_worth_trying(rulebook)
    opens: dict[str, set[Approach | None]] = {}
    for fact, values in trials.items():
        if fact not in facts:
            outcomes = {_advised_with(facts, rulebook, {fact: v}, otherwise=now) for v in values}
            opens[fact] = outcomes - {now}
    together: dict[str, int] = {}
    for rule in active_rules(rulebook, "decision"):
        missing = outcome(rule.when, facts).missing
        if not 2 <= len(missing) <= MOST_MISSING or all(opens.get(f) for f in missing):
            continue
        if _turns_together(facts, rulebook, now, missing, trials):
            together.update(dict.fromkeys(missing, 1))
    alone = {fact: 1 + len(outcomes) for fact, outcomes in opens.items() if outcomes}
    return together | alone


def _turns_together(
    facts: Facts,
    rulebook: Rulebook,
    now: Approach | None,
    missing: tuple[str, ...],
    trials: Mapping[str, tuple[Scalar, ...]],
) -> bool:
    combinations = product(*(trials[fact] for fact in missing))
    for values in islice(combinations, MOST_COMBINATIONS):
        change = dict(zip(missing, values, strict=True))
        if _advised_with(facts, rulebook, change, otherwise=now) != now:
            return True
    return False


def _advised_with(
    facts: Facts,
    rulebook: Rulebook,
    change: Mapping[str, Scalar],
    otherwise: Approach | None = None,
) -> Approach | None:
    try:
        return advised({**facts, **change}, rulebook)
    except RuleConflictError:
        return otherwise


def _sides(part: Condition, fact: Fact) -> Iterator[Scalar]:
    if fact.type == "bool":
        yield from (True, False)
        return
    if fact.type == "choice":
        yield from fact.choices
        return
    for value in part.value if isinstance(part.value, tuple) else (part.value,):
        if isinstance(value, bool) or value is None:
            continue
        yield value
        if isinstance(value, int | float):
            yield from _neighbours(value, fact)


def _neighbours(value: float, fact: Fact) -> Iterable[Scalar]:
    """The values just below and just above a threshold that the fact may take."""
    if fact.type == "int":
        return [int(v) for v in (value - 1, value + 1) if v >= 0]
    step = 0.01 if fact.unit in SHARES else 1.0
    top = 1.0 if fact.unit in SHARES else float("inf")
    return [round(v, 6) for v in (value - step, value + step) if 0 < v <= top]


def _nearest_first(values: tuple[Scalar, ...], here: Scalar) -> list[Scalar]:
    if isinstance(here, bool) or not isinstance(here, int | float):
        return list(values)
    return sorted(values, key=lambda value: abs(float(value) - here))
