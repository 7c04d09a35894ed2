"""Conditions that can never hold, whatever the facts are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from advisor.rulebook.values import SHARE
from advisor.schema.facts import Fact
from advisor.schema.rule import Condition, Scalar

LARGEST_SHARE = 1.0


def impossible(condition: Condition, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    """One sentence for every part of a condition that cannot hold, with what it rests on.

    Within `all`, the comparisons of one fact are held against each other; in `any`, each part is
    looked at alone. What no fact could tell apart is not searched for.
    """
    if condition.any is not None and not condition.any:
        yield "when: `any` of nothing never holds; give it a comparison"
    if condition.none is not None and any(_always(part) for part in condition.none):
        yield "when: `none` of what always holds never holds"
    if condition.all is not None:
        yield from _together(_conjoined(condition.all))
    if condition.fact is not None:
        yield from _alone(condition, vocabulary.get(condition.fact))
    for part in (*(condition.all or ()), *(condition.any or ()), *(condition.none or ())):
        yield from impossible(part, vocabulary)


def _always(condition: Condition) -> bool:
    return condition.all == () or condition.none == ()


def _conjoined(parts: Iterable[Condition]) -> Iterator[Condition]:
    """The comparisons that must all hold, those of groups within included."""
    for part in parts:
        if part.fact is not None:
            yield part
        elif part.all is not None:
            yield from _conjoined(part.all)


def _alone(part: Condition, fact: Fact | None) -> Iterator[str]:
    values = part.value if isinstance(part.value, tuple) else (part.value,)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if fact is not None and fact.unit == SHARE:
        for number in numbers:
            if abs(number) > LARGEST_SHARE:
                yield f"{part.fact}: a share lies between 0 and 1, not at {number:g}"
    if part.op == "between" and len(numbers) == 2 and numbers[0] > numbers[1]:
        yield f"{part.fact}: nothing lies between {numbers[0]:g} and {numbers[1]:g}"
    if part.op == "in" and not values:
        yield f"{part.fact}: `in` of nothing never holds"


@dataclass
class Allowed:
    """What a fact may be once some comparisons of it hold."""

    low: float = -math.inf
    high: float = math.inf
    named: frozenset[Scalar] | None = None
    """None while any value may be."""
    excluded: frozenset[Scalar] = frozenset()

    def narrow(self, part: Condition) -> None:
        """Keep what a comparison allows."""
        values = part.value if isinstance(part.value, tuple) else (part.value,)
        told = frozenset(value for value in values if value is not None)
        if part.op in {"is", "in"}:
            self.named = told if self.named is None else self.named & told
        elif part.op == "is_not":
            self.excluded |= told
        else:
            self._bound(part, [float(v) for v in told if isinstance(v, int | float)])

    def _bound(self, part: Condition, numbers: list[float]) -> None:
        if not numbers:
            return
        if part.op in {"at_least", "between"}:
            self.low = max(self.low, min(numbers))
        if part.op in {"at_most", "between"}:
            self.high = min(self.high, max(numbers))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        if self.low > self.high:
            return True
        if self.named is None:
            return False
        return not any(self._has(value) for value in self.named - self.excluded)

    def _has(self, value: Scalar) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return not is_number or self.low <= float(value) <= self.high


def _together(parts: Iterable[Condition]) -> Iterator[str]:
    allowed: dict[str, Allowed] = {}
    told: set[str] = set()
    for part in parts:
        if part.fact is None:
            continue
        kept = allowed.setdefault(part.fact, Allowed())
        kept.narrow(part)
        if kept.is_empty and part.fact not in told:
            told.add(part.fact)
            yield f"{part.fact}: no value meets all that is asked of it; the rule never speaks"
