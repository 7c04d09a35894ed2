"""What single change, or what answer to an open question, would turn the advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

from advisor.errors import RuleConflictError
from advisor.rulebook.conditions import Facts, comparisons, facts_named, holds, outcome
from advisor.rulebook.ordering import active_rules, order
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


class Trials:
    """What the rules would advise if some facts were otherwise, tried quickly.

    Only the rules that name a changed fact are evaluated again, and one set of firing rules is
    ordered once.
    """

    def __init__(self, facts: Facts, rulebook: Rulebook) -> None:
        self.facts = facts
        self.rulebook = rulebook
        self.rules = active_rules(rulebook, "decision")
        self.values = values_worth_trying(rulebook)
        self._holds = [holds(rule.when, facts) for rule in self.rules]
        self._naming: dict[str, set[int]] = {}
        for place, rule in enumerate(self.rules):
            for fact in facts_named(rule.when):
                self._naming.setdefault(fact, set()).add(place)
        self._advice: dict[frozenset[int], Approach | None] = {}

    def advised(self, change: Mapping[str, Scalar], otherwise: Approach | None) -> Approach | None:
        """The advice with the change made; `otherwise` where two rules would then clash."""
        facts = {**self.facts, **change}
        touched = set().union(*(self._naming.get(fact, set()) for fact in change))
        firing = frozenset(
            place
            for place, rule in enumerate(self.rules)
            if (holds(rule.when, facts) if place in touched else self._holds[place])
        )
        if firing not in self._advice:
            rules = [self.rules[place] for place in sorted(firing)]
            try:
                advice = order(rules, self.rulebook.strengths, tie=self.rulebook.tie).recommended
            except RuleConflictError:
                return otherwise
            self._advice[firing] = advice
        return self._advice[firing]

    def missing(self) -> Iterator[tuple[str, ...]]:
        """The unknown facts of every undetermined rule."""
        for rule, truth in zip(self.rules, self._holds, strict=True):
            if truth is None:
                yield outcome(rule.when, self.facts).missing


def flips(trials: Trials, now: Approach | None) -> tuple[Flip, ...]:
    """Changes of one known fact that change the advice, the smallest per fact and outcome."""
    found: list[Flip] = []
    for fact, values in trials.values.items():
        if fact not in trials.facts:
            continue
        here = trials.facts[fact]
        seen: set[Approach | None] = {None, now}
        for value in _nearest_first(values, here):
            then = now if value == here else trials.advised({fact: value}, now)
            if then is not None and then not in seen:
                seen.add(then)
                found.append(Flip(fact=fact, from_value=here, to_value=value, then=then))
    return tuple(found[:MOST_FLIPS])


def decisive_facts(trials: Trials, now: Approach | None) -> dict[str, int]:
    """Unknown facts whose answer could turn the advice, and how many other outcomes each opens.

    A fact counts when some value of it alone turns the advice, or together with the other unknown
    facts of one rule (then it opens at least one outcome). The search over a rule's unknown facts
    stops at a fixed number of combinations.
    """
    opens = {
        fact: {trials.advised({fact: value}, now) for value in values} - {now}
        for fact, values in trials.values.items()
        if fact not in trials.facts
    }
    together: dict[str, int] = {}
    for missing in trials.missing():
        if not 2 <= len(missing) <= MOST_MISSING or all(opens.get(f) for f in missing):
            continue
        if _turns_together(trials, now, missing):
            together.update(dict.fromkeys(missing, 1))
    alone = {fact: 1 + len(outcomes) for fact, outcomes in opens.items() if outcomes}
    return together | alone


def _turns_together(trials: Trials, now: Approach | None, missing: tuple[str, ...]) -> bool:
    combinations = product(*(trials.values[fact] for fact in missing))
    return any(
        trials.advised(dict(zip(missing, values, strict=True)), now) != now
        for values in islice(combinations, MOST_COMBINATIONS)
    )


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
