"""A rulebook prepared for asking it thousands of times: bits for facts, sums for sets of rules."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from operator import getitem, or_
from typing import cast

from advisor.errors import RuleConflictError
from advisor.rulebook.atoms import Atoms, Watched
from advisor.rulebook.derived import DERIVED, bases_of, fed_by
from advisor.rulebook.ordering import (
    COST_ORDER,
    RANK_OF_COST,
    active_rules,
    musts,
    parts_of,
    weight_of,
)
from advisor.rulebook.values import can_change, cells_of, shares_of, values_worth_trying
from advisor.schema.rule import Action, Approach, Effect, Rule, Rulebook, RuleKind

KINDS: tuple[RuleKind, ...] = ("decision", "warning", "gate", "default")
LANE = 64
"""Bits of one approach's sum inside a packed sum."""
ZERO = 1 << (LANE - 2)
"""What a sum of nothing reads in its lane, so that no lane goes below nought."""
BASE = sum(ZERO << LANE * place for place in range(len(COST_ORDER)))
NOTHING = (ZERO,) * len(COST_ORDER)
LANES = struct.Struct(f"<{len(COST_ORDER)}Q")
CHUNK = 8
MOST_REMEMBERED = 200_000
RULEBOOKS_KEPT = 8
UNTRIED = object()

Checks = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, Watched], ...]]
"""Bits of rules with the bits that they need, and of rules to be asked."""


class Compiled:
    """The active rules of a rulebook with their conditions as bits and their weights packed."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        rules = {kind: active_rules(rulebook, kind) for kind in KINDS}
        conditions = [rule.when for kind in KINDS for rule in rules[kind]]
        self.atoms = Atoms([*conditions, *(band.when for band in rulebook.gains)])
        self.tested = {
            kind: [(rule, Watched(rule.when, self.atoms, rule.id)) for rule in rules[kind]]
            for kind in KINDS
        }
        self.gains = [(band, Watched(band.when, self.atoms)) for band in rulebook.gains]
        self.decisions = [tested for _, tested in self.tested["decision"]]
        self.rules: list[Rule] = rules["decision"]
        self.naming: dict[str, int] = {}
        """The decision rules that name a fact, one bit a rule."""
        for place, tested in enumerate(self.decisions):
            for fact in tested.named:
                self.naming[fact] = self.naming.get(fact, 0) | 1 << place
        self.vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
        self.asked = frozenset(fact.id for fact in rulebook.vocabulary if fact.question)
        self.values = values_worth_trying(rulebook)
        self.cells = cells_of(self.vocabulary, self.values, self.atoms)
        self.packed = [self._packed(rule.then, must=0) for rule in self.rules]
        must = 2 * parts_of(rulebook.strengths["strong"])
        self.stakes = [self._packed(rule.then, must=must) for rule in self.rules]
        self._tables = [self._table(start) for start in range(0, len(self.rules), CHUNK)]
        self.musts = self._with_effect("require", "forbid")
        """Decision rules that require or forbid, one bit a rule."""
        self.requires = self._with_effect("require")
        self._musts_of: dict[int, tuple[Approach | None, tuple[bool, ...]]] = {}
        self.tie = parts_of(rulebook.strengths["weak"] if rulebook.tie is None else rulebook.tie)
        self._checks: dict[int, Checks] = {}
        self._lead_of: dict[Approach | None, tuple[list[int], list[int], list[int]]] = {}
        self._touched = {
            fact: reduce(or_, (self.naming.get(name, 0) for name in (fact, *fed_by(fact))))
            for fact in self.vocabulary
        }
        self._following = {
            fact: tuple(name for name in fed_by(fact) if name in self.atoms.mask)
            for fact in self.vocabulary
            if fed_by(fact)
        }
        self.behind = tuple(
            dict.fromkeys(
                base for name in DERIVED if name in self.naming for base in bases_of(name)
            )
        )
        """Stated facts from which a derived one follows that some decision rule names."""
        self._unsettled = {
            fact: reduce(or_, (self.naming.get(name, 0) for name in names), 0)
            for fact, names in self._following.items()
        }
        self._masks = {
            fact: reduce(or_, (self.atoms.mask.get(name, 0) for name in (fact, *fed_by(fact))))
            for fact in self.vocabulary
        }
        self.changeable = [
            fact for fact in rulebook.vocabulary if self._touched[fact.id] and can_change(fact)
        ]
        """Facts on which the advice rests and that could be otherwise."""
        self._shares = shares_of(self.cells, self.atoms)
        self._chances: list[dict[int, float]] = [{} for _ in self.rules]
        self._advice: dict[int, Approach | RuleConflictError | None] = {}

    def _with_effect(self, *effects: Effect) -> int:
        return sum(
            1 << place
            for place, rule in enumerate(self.rules)
            if any(action.effect in effects for action in rule.then)
        )

    def _packed(self, actions: Iterable[Action], *, must: int) -> int:
        """The weights of a rule's actions; what it requires or forbids weighs `must`."""
        total = 0
        for action in actions:
            if action.approach is not None:
                parts = parts_of(weight_of(action, self.rulebook.strengths))
                parts += {"require": must, "forbid": -must}.get(action.effect, 0)
                total += parts << LANE * RANK_OF_COST[action.approach]
        return total

    def _table(self, start: int) -> list[int]:
        """Packed sums of every subset of eight rules in a row."""
        sums = [0]
        for packed in self.packed[start : start + CHUNK]:
            sums += [packed + other for other in sums]
        return sums

    def advice(self, firing: int) -> Approach | None:
        """What a set of firing decision rules recommends, as `order` does.

        Raises RuleConflictError when two of them contradict each other outright.
        """
        found = self._advice.get(firing, UNTRIED)
        if found is UNTRIED:
            found = self._remember(firing)
        if isinstance(found, RuleConflictError):
            raise found
        return cast("Approach | None", found)

    def _remember(self, firing: int) -> Approach | RuleConflictError | None:
        if len(self._advice) > MOST_REMEMBERED:
            self._advice.clear()
        found: Approach | RuleConflictError | None
        try:
            found = self._recommended(firing)
        except RuleConflictError as error:
            found = error
        self._advice[firing] = found
        return found

    def _recommended(self, firing: int) -> Approach | None:
        lanes: Sequence[int] = self.lanes(self.sums(firing))
        speaking = firing & self.musts
        if speaking:
            required, allowed = self._must(speaking)
            if required is not None:
                return required
            lanes = [lane if may else 0 for lane, may in zip(lanes, allowed, strict=True)]
        return self.first(lanes)

    def _must(self, speaking: int) -> tuple[Approach | None, tuple[bool, ...]]:
        """What these rules require, and for every approach whether they leave it allowed."""
        found = self._musts_of.get(speaking)
        if found is None:
            required, forbidden = musts([self.rules[place] for place in places(speaking)])
            found = required, tuple(a not in forbidden for a in COST_ORDER)
            self._musts_of[speaking] = found
        return found

    def first(self, lanes: Sequence[int]) -> Approach | None:
        """The cheapest approach that ties with the best sum; None if no sum is above nothing."""
        floor = max(ZERO, max(lanes) - self.tie)
        for place, lane in enumerate(lanes):
            if lane > floor:
                return COST_ORDER[place]
        return None

    def sums(self, firing: int) -> int:
        """The packed sum over a set of firing decision rules."""
        return sum(map(getitem, self._tables, firing.to_bytes(len(self._tables), "little")))

    @staticmethod
    def lanes(packed: int) -> tuple[int, ...]:
        """The sum of every approach in the order of cost, `ZERO` more than it is."""
        return LANES.unpack((packed + BASE).to_bytes(LANES.size, "little"))

    def sways(self, rules: int, now: Approach | None, *, either_way: bool) -> tuple[int, ...]:
        """The most that a set of rules can add to each approach's lead on the one advised now.

        Each rule may begin to fire or not; `either_way`: one that fires may also cease to.
        """
        packed = self._leads(now)[either_way]
        total = sum([packed[place] for place in places(rules)])
        return LANES.unpack(total.to_bytes(LANES.size, "little"))

    def losses(self, rules: int, now: Approach | None) -> int:
        """The most that a set of rules can take from the approach advised now by firing."""
        lost = self._leads(now)[2]
        return sum([lost[place] for place in places(rules)])

    def _leads(self, now: Approach | None) -> tuple[list[int], list[int], list[int]]:
        """For every rule what it can add to each lead by firing, or either way; what it takes."""
        if now not in self._lead_of:
            own = None if now is None else RANK_OF_COST[now]
            found: tuple[list[int], list[int], list[int]] = ([], [], [])
            for packed in self.packed:
                lanes = self.lanes(packed)
                base = ZERO if own is None else lanes[own]
                leads = [lane - base for lane in lanes]
                found[0].append(_pack(max(0, lead) for lead in leads))
                found[1].append(_pack(abs(lead) for lead in leads))
                found[2].append(max(0, ZERO - base))
            self._lead_of[now] = found
        return self._lead_of[now]

    def touched(self, facts: Iterable[str]) -> int:
        """The decision rules that name any of these facts, or one that follows from them."""
        found = 0
        for fact in facts:
            found |= self._touched.get(fact, 0)
        return found

    def checks(self, rules: int) -> Checks:
        """How to tell which of these decision rules fire: by the bits they need, or by asking."""
        found = self._checks.get(rules)
        if found is None:
            if len(self._checks) > MOST_REMEMBERED:
                self._checks.clear()
            each = [(1 << place, self.decisions[place]) for place in places(rules)]
            found = (
                tuple((bit, rule.needs) for bit, rule in each if rule.needs is not None),
                tuple((bit, rule) for bit, rule in each if rule.needs is None),
            )
            self._checks[rules] = found
        return found

    def following(self, facts: Iterable[str]) -> tuple[str, ...]:
        """The derived facts that some rule names and that follow from any of these."""
        found: tuple[str, ...] = ()
        for fact in facts:
            if fact in self._following:
                found += tuple(n for n in self._following[fact] if n not in found)
        return found

    def overlap(self, facts: Iterable[str]) -> bool:
        """Whether some derived fact follows from two of these."""
        names = [
            name for fact in facts if fact in self._following for name in self._following[fact]
        ]
        return len(names) > 1 and len(set(names)) < len(names)

    def unsettled(self, facts: Iterable[str]) -> int:
        """The decision rules that name a derived fact which follows from any of these."""
        return reduce(or_, (self._unsettled.get(fact, 0) for fact in facts), 0)

    def mask_of(self, fact: str) -> int:
        """What is known of a fact and of those that follow from it."""
        return self._masks.get(fact, 0)

    def chance(self, place: int, known: int) -> float:
        """How likely a decision rule fires, every answer as likely as its cell weighs."""
        tested = self.decisions[place]
        part = known & tested.mask
        found = self._chances[place].get(part)
        if found is None:
            found = self._chances[place][part] = tested.chance(part, self._shares)
        return found


def _pack(sums: Iterable[int]) -> int:
    return sum(part << LANE * place for place, part in enumerate(sums))


@lru_cache(maxsize=1 << 16)
def places(rules: int) -> tuple[int, ...]:
    """The places of a set of rules, one bit a rule."""
    return tuple(place for place in range(rules.bit_length()) if rules >> place & 1)


_KEPT: dict[int, Compiled] = {}


def compiled(rulebook: Rulebook) -> Compiled:
    """The rulebook prepared; the last few are kept, each known by being the very same object."""
    found = _KEPT.get(id(rulebook))
    if found is None or found.rulebook is not rulebook:
        found = Compiled(rulebook)
        while len(_KEPT) >= RULEBOOKS_KEPT:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[id(rulebook)] = found
    return found
