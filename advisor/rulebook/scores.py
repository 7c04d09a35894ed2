"""What sets of decision rules weigh, summed a thousand times faster than rule by rule.

The sums of all approaches stand side by side in one whole number, so that adding two numbers adds
all of them; sets of rules are whole numbers too, one bit a rule.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import getitem
from typing import cast

from advisor.errors import RuleConflictError
from advisor.rulebook.ordering import COST_ORDER, RANK_OF_COST, musts, parts_of, weight_of
from advisor.schema.rule import Action, Approach, Effect, Rule, Strength

LANE = 64
"""Bits of one approach's sum inside a packed sum."""
ZERO = 1 << (LANE - 2)
"""What a sum of nothing reads in its lane, so that no lane goes below nought."""
BASE = sum(ZERO << LANE * place for place in range(len(COST_ORDER)))
NOTHING = (ZERO,) * len(COST_ORDER)
LANES = struct.Struct(f"<{len(COST_ORDER)}Q")
CHUNK = 8
MOST_REMEMBERED = 200_000
UNTRIED = object()


class Scores:
    """The weights of decision rules, packed, and what every set of them recommends."""

    def __init__(
        self, rules: Sequence[Rule], strengths: Mapping[Strength, float], tie: float | None
    ) -> None:
        self.rules = rules
        self._strengths = strengths
        self.tie = parts_of(strengths["weak"] if tie is None else tie)
        self.packed = [self._packed(rule.then, must=0) for rule in rules]
        must = 2 * parts_of(strengths["strong"])
        self.stakes = [self._packed(rule.then, must=must) for rule in rules]
        """The weights where requiring or forbidding counts like two strong reasons."""
        self._tables = [self._table(start) for start in range(0, len(rules), CHUNK)]
        self.musts = self._with_effect("require", "forbid")
        """Rules that require or forbid, one bit a rule."""
        self.requires = self._with_effect("require")
        self._musts_of: dict[int, tuple[Approach | None, tuple[bool, ...]]] = {}
        self._lead_of: dict[Approach | None, tuple[list[int], list[int], list[int]]] = {}
        self._signed: dict[tuple[Approach | None, int], list[int]] = {}
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
                parts = parts_of(weight_of(action, self._strengths))
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

    def leads(self, now: Approach | None, approach: int) -> list[int]:
        """What every rule adds by firing to the lead of an approach, by its place, on that now."""
        if (now, approach) not in self._signed:
            own = None if now is None else RANK_OF_COST[now]
            each = [self.lanes(packed) for packed in self.packed]
            self._signed[now, approach] = [
                lanes[approach] - (ZERO if own is None else lanes[own]) for lanes in each
            ]
        return self._signed[now, approach]

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


def _pack(sums: Iterable[int]) -> int:
    return sum(part << LANE * place for place, part in enumerate(sums))


@lru_cache(maxsize=1 << 16)
def places(rules: int) -> tuple[int, ...]:
    """The places of a set of rules, one bit a rule."""
    found = []
    while rules:
        lowest = rules & -rules
        found.append(lowest.bit_length() - 1)
        rules ^= lowest
    return tuple(found)
