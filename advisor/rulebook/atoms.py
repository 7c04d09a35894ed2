"""Every comparison of the rules as two bits, so that a changed fact is a changed number.

One bit says that a comparison holds, its neighbour that it does not; neither is set while the fact
is unknown. What is known of a profile is then one whole number, and a condition's outcome depends
on a few of its bits alone, so that each outcome is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from math import prod
from operator import or_
from typing import NamedTuple

from advisor.rulebook.conditions import Facts, comparisons, holds
from advisor.schema.decide import TraceLine
from advisor.schema.rule import Condition, Scalar

BOTH = 0b11
MOST_REMEMBERED = 100_000


class State(NamedTuple):
    """How a condition comes out on what is known."""

    holds: bool | None
    missing: tuple[str, ...]
    """Unknown facts that keep it undetermined, in order of appearance."""


class Atoms:
    """The distinct comparisons of a set of conditions, each with its two bits."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._shift: dict[tuple[object, ...], int] = {}
        self.of_fact: dict[str, list[Condition]] = {}
        for condition in conditions:
            for part in comparisons(condition):
                if part.fact is not None and _key(part) not in self._shift:
                    self._shift[_key(part)] = 2 * len(self._shift)
                    self.of_fact.setdefault(part.fact, []).append(part)
        self.mask = {fact: self._mask(parts) for fact, parts in self.of_fact.items()}
        self._bits: dict[tuple[str, Scalar], int] = {}

    def _mask(self, parts: Iterable[Condition]) -> int:
        return sum(BOTH << self.shift(part) for part in parts)

    def shift(self, part: Condition) -> int:
        """Place of the bit that says that a comparison holds; the next one denies it."""
        return self._shift[_key(part)]

    def bits(self, fact: str, value: Scalar) -> int:
        """What is known once a fact has this value."""
        found = self._bits.get((fact, value))
        if found is None:
            found = 0
            for part in self.of_fact.get(fact, ()):
                found |= (1 if holds(part, {fact: value}) else 2) << self.shift(part)
            if len(self._bits) > MOST_REMEMBERED:
                self._bits.clear()
            self._bits[fact, value] = found
        return found

    def known(self, facts: Facts) -> int:
        """What is known once all these facts are."""
        known = 0
        for fact in self.mask:
            if fact in facts:
                known |= self.bits(fact, facts[fact])
        return known


class Watched:
    """A condition whose outcome is worked out once for everything that can be known of it."""

    def __init__(self, condition: Condition, atoms: Atoms, name: str = "") -> None:
        self.name = name
        self.condition = condition
        self.named = tuple(dict.fromkeys(p.fact for p in comparisons(condition) if p.fact))
        self.needs = _needs(condition, atoms)
        """The bits that must all be known for it to hold; None where several sets of them do."""
        own = (BOTH << atoms.shift(part) for part in comparisons(condition) if part.fact)
        self.mask = reduce(or_, own, 0)
        """The bits of its own comparisons: what else is known of their facts does not matter."""
        self._atoms = atoms
        self._lines: dict[int, TraceLine] = {}
        self.states: dict[int, State] = {}
        """The outcomes so far, by the part of what is known that `mask` lets through."""

    def state(self, known: int) -> State:
        """The outcome on what is known (Kleene's strong three-valued logic, as in `holds`)."""
        part = known & self.mask
        found = self.states.get(part)
        if found is None:
            if len(self.states) > MOST_REMEMBERED:
                self.states.clear()
            missing = tuple(dict.fromkeys(self._missing(self.condition, part)))
            found = State(holds=self._truth(self.condition, part), missing=missing)
            self.states[part] = found
        return found

    def line(self, known: int) -> TraceLine:
        """The outcome on what is known, as a trace tells it."""
        part = known & self.mask
        found = self._lines.get(part)
        if found is None:
            state = self.state(known)
            word = {True: "fires", False: "silent", None: "undetermined"}[state.holds]
            found = TraceLine(rule_id=self.name, outcome=word, missing=state.missing)
            if len(self._lines) > MOST_REMEMBERED:
                self._lines.clear()
            self._lines[part] = found
        return found

    def _truth(self, condition: Condition, known: int) -> bool | None:
        group = condition.all if condition.all is not None else condition.any
        if group is None:
            group = condition.none
        if group is None:
            told = known >> self._atoms.shift(condition) & BOTH
            return None if told == 0 else told == 1
        truths = [self._truth(part, known) for part in group]
        settles = condition.all is None
        if settles in truths:
            return (not settles) if condition.none is not None else settles
        if None in truths:
            return None
        return settles if condition.none is not None else not settles

    def _missing(self, condition: Condition, known: int) -> Iterator[str]:
        if self._truth(condition, known) is not None:
            return
        if condition.fact is not None:
            yield condition.fact
        for group in (condition.all, condition.any, condition.none):
            for part in group or ():
                yield from self._missing(part, known)

    def chance(self, known: int, shares: Mapping[int, float]) -> float:
        """How likely it holds, where each open comparison does with its share and on its own."""
        return self._chance(self.condition, known, shares)

    def _chance(self, condition: Condition, known: int, shares: Mapping[int, float]) -> float:
        if condition.fact is not None:
            shift = self._atoms.shift(condition)
            told = known >> shift & BOTH
            return shares[shift] if told == 0 else float(told == 1)
        if condition.all is not None:
            return prod(self._chance(part, known, shares) for part in condition.all)
        parts = condition.any if condition.any is not None else condition.none
        neither = prod(1.0 - self._chance(part, known, shares) for part in parts or ())
        return 1.0 - neither if condition.any is not None else neither


def _needs(condition: Condition, atoms: Atoms) -> int | None:
    parts = (condition,) if condition.fact is not None else condition.all
    if parts is None or any(part.fact is None for part in parts):
        return None
    return reduce(or_, (1 << atoms.shift(part) for part in parts), 0)


def _key(part: Condition) -> tuple[object, ...]:
    """What tells one comparison from another; a number and a truth value never meet in one fact."""
    return (part.fact, part.op, part.value)
