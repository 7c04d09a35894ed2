"""What the rules would advise if some facts were otherwise, tried thousands of times a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from advisor.errors import RuleConflictError
from advisor.rulebook.atoms import State
from advisor.rulebook.compiled import compiled
from advisor.rulebook.conditions import Facts
from advisor.rulebook.derived import DERIVED, bases_of, computed, fed_by, values_behind
from advisor.rulebook.ordering import COST_ORDER, RANK_OF_COST
from advisor.rulebook.scores import NOTHING, ZERO, places
from advisor.rulebook.values import Cell, edges
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Rulebook, Scalar

MOST_REMEMBERED = 10_000
SCALE = (1, 10, 100, 1000, 10_000)
"""Tried for a number that no rule names and no interview offers answers for."""


class Trials:
    """A profile's facts under a rulebook, with the advice that any change of them would bring.

    Only the rules that name a changed fact are looked at again, and one set of firing rules is
    ordered once. A fact that follows from a changed one changes with it.
    """

    def __init__(
        self, facts: Facts, rulebook: Rulebook, *, nobody_knows: Iterable[str] = ()
    ) -> None:
        self.facts = facts
        self.rulebook = rulebook
        self.compiled = compiled(rulebook)
        self.told_unknown = frozenset(nobody_knows)
        self.idle = frozenset(
            fact
            for fact, follows in self.compiled.follows
            if facts.get(follows) is False
            or (follows in self.told_unknown and follows not in facts)
        )
        """Questions that make no sense after an answer, or that follow one nobody could answer."""
        self.nobody_knows = self.told_unknown | self.idle
        """Unknown facts that will stay so."""
        self.scores = self.compiled.scores
        self.known = self.compiled.atoms.known(facts)
        self.states: list[State] = [t.state(self.known) for t in self.compiled.decisions]
        self.firing = sum(1 << place for place, s in enumerate(self.states) if s.holds)
        self.open = sum(1 << place for place, s in enumerate(self.states) if s.holds is None)
        """Undetermined decision rules, one bit a rule."""
        self._waiting: dict[str, int] = {}
        self._wanted: dict[int, tuple[str, ...]] = {}
        self._sums: int | None = None
        self._needs: dict[Approach | None, tuple[list[tuple[int, int]], int]] = {}
        self._tries: dict[str, list[tuple[Cell, int]]] = {}
        self.vocabulary: Mapping[str, Fact] = self.compiled.vocabulary

    @property
    def values(self) -> dict[str, tuple[Scalar, ...]]:
        """For every fact that a decision rule asks for: values on either side of each threshold."""
        return self.compiled.values

    def advised(self, change: Mapping[str, Scalar], otherwise: Approach | None) -> Approach | None:
        """The advice with the change made; `otherwise` where two rules would then clash."""
        return self.advice_of(self.firing_after(*self.step(change)), otherwise)

    def advice_of(self, firing: int, otherwise: Approach | None) -> Approach | None:
        """The advice of a set of firing rules; `otherwise` where two of them clash."""
        try:
            return self.scores.advice(firing)
        except RuleConflictError:
            return otherwise

    def step(self, change: Mapping[str, Scalar]) -> tuple[int, int]:
        """What is known after a change, and the rules that name anything it touches."""
        atoms = self.compiled.atoms
        known = self.known
        for fact, value in change.items():
            known = known & ~self.compiled.mask_of(fact) | atoms.bits(fact, value)
        for name in self.compiled.following(change):
            known |= self._bits_of(name, change)
        return known, self.touched(*change)

    def firing_after(self, known: int, touched: int, *, before: int | None = None) -> int:
        """The rules that fire on what is known, where only the touched ones may have changed.

        `before`: which rules fire otherwise, if not those that fire on the facts as they are.
        """
        firing = (self.firing if before is None else before) & ~touched
        simple, others = self.compiled.checks(touched)
        for bit, needs in simple:
            if known & needs == needs:
                firing |= bit
        for bit, watched in others:
            if watched.state(known).holds:
                firing |= bit
        return firing

    def live(self, touched: int, *facts: str) -> int:
        """Those of the rules that may fire by some answers to these facts: the rest is settled."""
        could = self.known
        for fact in facts:
            could |= self.compiled.mask_of(fact)
        found = 0
        needs = self.compiled.needs
        while touched:
            bit = touched & -touched
            touched ^= bit
            needed = needs[bit]
            if could & needed == needed:
                found |= bit
        return found

    def touched(self, *facts: str) -> int:
        """The rules that name a fact, or one that follows from it, one bit a rule."""
        return self.compiled.touched(facts)

    def tries(self, fact: str) -> list[tuple[Cell, int]]:
        """The cells of a fact, each with what is known once the fact falls into it.

        For a fact that others follow from, the values that turn those are among them.
        """
        if fact not in self._tries:
            self._tries[fact] = self._tried(fact)
        return self._tries[fact]

    def _tried(self, fact: str) -> list[tuple[Cell, int]]:
        rest = self.known & ~self.compiled.mask_of(fact)
        settled = [name for name in self.compiled.following((fact,)) if self._settles(fact, name)]
        if not settled:
            return [(cell, rest | cell.bits) for cell in self.compiled.cells.get(fact, ())]
        key = (fact, *(self.facts.get(base) for base in self.compiled.beside[fact]))
        found = self.compiled.tried.get(key)
        if found is None:
            if len(self.compiled.tried) > MOST_REMEMBERED:
                self.compiled.tried.clear()
            found = self.compiled.tried[key] = self._tried_anew(fact, settled)
        return [(cell, rest | cell.bits) for cell in found]

    def _tried_anew(self, fact: str, settled: Iterable[str]) -> tuple[Cell, ...]:
        """The cells of a fact that some derived one follows from, beside what else is known."""
        bits = self.compiled.atoms.bits
        others = {name: self._others(name) for name in settled}
        found: dict[int, list[Scalar]] = {}
        for value in self.answers(fact):
            known = bits(fact, value)
            for name, beside in others.items():
                derived = computed(name, {**beside, fact: value})
                if derived is not None:
                    known |= bits(name, derived)
            found.setdefault(known, []).append(value)
        return tuple(Cell(values=tuple(v), bits=known) for known, v in found.items())

    def _others(self, derived: str) -> dict[str, Scalar]:
        """What is known of the facts behind a derived one."""
        return {b: self.facts[b] for b in bases_of(derived) if b in self.facts}

    def _settles(self, fact: str, derived: str) -> bool:
        """Whether a derived fact may follow from this one and what is known."""
        others = (base for base in bases_of(derived) if base != fact)
        return not DERIVED[derived].needs_all or all(base in self.facts for base in others)

    def merged(self, chosen: Mapping[str, tuple[Scalar, int]]) -> int:
        """What is known after several changes, each with its value and what is known after it."""
        if self.compiled.overlap(chosen):
            return self.step({fact: value for fact, (value, _) in chosen.items()})[0]
        known = self.known
        for fact, (_, after) in chosen.items():
            mask = self.compiled.mask_of(fact)
            known = known & ~mask | after & mask
        return known

    def _bits_of(self, derived: str, change: Mapping[str, Scalar]) -> int:
        """What is known of a derived fact after a change."""
        value = computed(derived, {**self._others(derived), **change})
        return 0 if value is None else self.compiled.atoms.bits(derived, value)

    def answers(self, fact: str) -> list[Scalar]:
        """Values of a fact that are worth trying together with other facts."""
        own = self.compiled.cells.get(fact, ())
        following = fed_by(fact)
        if not following:
            return [cell.value for cell in own]
        known = self.vocabulary.get(fact)
        offered = [preset.value for preset in known.presets] if known else []
        behind = (
            _as_typed(value, known)
            for name in following
            for threshold in self.compiled.values.get(name, ())
            for value in values_behind(name, fact, threshold, self.facts)
        )
        tried = (value for cell in own for value in edges(cell))
        return list(dict.fromkeys((*offered, *tried, *behind))) or list(SCALE)

    def advice_by_cell(
        self, fact: str, live: int, now: Approach | None
    ) -> list[tuple[Cell, Approach | None]]:
        """The advice in every cell of a fact; what these rules do not tell apart is tried once."""
        mask = self.compiled.mask_of_rules(live)
        tried: dict[int, Approach | None] = {}
        found = []
        for cell, known in self.tries(fact):
            part = known & mask
            if part not in tried:
                tried[part] = self.advice_of(self.firing_after(known, live), now)
            found.append((cell, tried[part]))
        return found

    def gains(self, firing: int) -> tuple[int, ...]:
        """What every approach gains when these rules fire instead, in the order of cost.

        Each is `ZERO` more than it is.
        """
        if firing == self.firing:
            return NOTHING
        if self._sums is None:
            self._sums = self.scores.sums(self.firing)
        return self.scores.lanes(self.scores.sums(firing) - self._sums)

    def needs(self, now: Approach | None) -> tuple[list[tuple[int, int]], int]:
        """What every other approach must gain on the advised one before it can lead, by its place.

        Beside them: what the advised one may lose before nothing speaks for it.
        """
        if now in self._needs:
            return self._needs[now]
        lanes = self.scores.lanes(self.scores.sums(self.firing))
        own = lanes[RANK_OF_COST[now]] if now is not None else ZERO
        cheaper = RANK_OF_COST[now] if now is not None else 0
        tie = self.scores.tie
        needs = [
            (place, own - lane + 1 - (tie if place < cheaper else 0))
            for place, lane in enumerate(lanes)
            if COST_ORDER[place] != now
        ]
        self._needs[now] = needs, own - ZERO if now is not None else ZERO
        return self._needs[now]

    def waiting(self, *facts: str) -> int:
        """The rules that an answer to these unknown facts may settle or unsettle.

        A derived fact may be known while one it follows from is not, and then change with it.
        """
        found = 0
        for fact in facts:
            own = self._waiting.get(fact)
            if own is None:
                own = self.touched(fact) & self.open | self.compiled.unsettled((fact,))
                self._waiting[fact] = own
            found |= own
        return found

    def unknown(self) -> tuple[str, ...]:
        """The unknown stated facts that rules wait for, or that may change a derived one."""
        found: dict[str, None] = {}
        for place in places(self.open):
            found.update(dict.fromkeys(self.wanted(place)))
        found.update(dict.fromkeys(f for f in self.compiled.behind if f not in self.facts))
        return tuple(found)

    def wanted(self, place: int) -> tuple[str, ...]:
        """The unknown stated facts that keep a rule undetermined."""
        found = self._wanted.get(place)
        if found is None:
            found = self._wanted[place] = self._wanted_anew(self.states[place].missing)
        return found

    def _wanted_anew(self, missing: tuple[str, ...]) -> tuple[str, ...]:
        if DERIVED.keys().isdisjoint(missing):
            return missing
        found = (base for fact in missing for base in bases_of(fact))
        return tuple(dict.fromkeys(fact for fact in found if fact not in self.facts))


def _as_typed(value: float, fact: Fact | None) -> Scalar:
    return int(value) if fact is not None and fact.type == "int" else value
