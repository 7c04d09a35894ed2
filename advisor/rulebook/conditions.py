"""Whether a condition holds on a profile: yes, no, or not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from advisor.rulebook.derived import with_derived
from advisor.schema.profile import Profile
from advisor.schema.rule import Condition, Operator, Scalar

Facts = Mapping[str, Scalar]
GROUPS = ("task", "data", "knowledge", "output", "constraints", "model", "machine", "measured")


class Outcome(NamedTuple):
    """How a condition came out, and on which facts."""

    holds: bool | None
    """None when an unknown fact decides."""
    looked_at: dict[str, Scalar]
    """Known facts that the condition names."""
    missing: tuple[str, ...]
    """Unknown facts that keep it undetermined."""

    @property
    def word(self) -> str:
        """The outcome as traces and case files write it."""
        if self.holds is None:
            return "undetermined"
        return "fires" if self.holds else "silent"


def stated_facts(profile: Profile) -> dict[str, Scalar]:
    """Every known fact of a profile by its dotted id; what is unknown is left out."""
    known: dict[str, Scalar] = {}
    for group in GROUPS:
        for name, value in vars(getattr(profile, group)).items():
            if value is not None:
                known[f"{group}.{name}"] = value
    return known


def facts_of(profile: Profile) -> dict[str, Scalar]:
    """The known facts with those that follow from them (`derived`)."""
    return with_derived(stated_facts(profile))


def evaluate(condition: Condition, profile: Profile) -> Outcome:
    """The condition's outcome on a profile, with the facts it looked at and those it lacks."""
    return outcome(condition, facts_of(profile))


def outcome(condition: Condition, facts: Facts) -> Outcome:
    """The condition's outcome on facts that are already spread out."""
    named = dict.fromkeys(facts_named(condition))
    return Outcome(
        holds=holds(condition, facts),
        looked_at={fact: facts[fact] for fact in named if fact in facts},
        missing=tuple(dict.fromkeys(_missing(condition, facts))),
    )


def holds(condition: Condition, facts: Facts) -> bool | None:
    """True, False, or None where an unknown fact decides (Kleene's strong three-valued logic)."""
    if condition.all is not None:
        return _all(holds(part, facts) for part in condition.all)
    if condition.any is not None:
        return _any(holds(part, facts) for part in condition.any)
    if condition.none is not None:
        some = _any(holds(part, facts) for part in condition.none)
        return None if some is None else not some
    return _compare(condition, facts)


def facts_named(condition: Condition) -> Iterator[str]:
    """Ids of all facts a condition asks for, in order of appearance, repeats included."""
    for part in comparisons(condition):
        if part.fact is not None:
            yield part.fact


def comparisons(condition: Condition) -> Iterator[Condition]:
    """The single comparisons inside a condition."""
    parts = _parts(condition)
    if parts is None:
        yield condition
        return
    for part in parts:
        yield from comparisons(part)


def _parts(condition: Condition) -> tuple[Condition, ...] | None:
    for group in (condition.all, condition.any, condition.none):
        if group is not None:
            return group
    return None


def _missing(condition: Condition, facts: Facts) -> Iterator[str]:
    if holds(condition, facts) is not None:
        return
    parts = _parts(condition)
    if parts is None:
        if condition.fact is not None:
            yield condition.fact
        return
    for part in parts:
        yield from _missing(part, facts)


def _all(values: Iterator[bool | None]) -> bool | None:
    result: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            result = None
    return result


def _any(values: Iterator[bool | None]) -> bool | None:
    result: bool | None = False
    for value in values:
        if value is True:
            return True
        if value is None:
            result = None
    return result


def _compare(condition: Condition, facts: Facts) -> bool | None:
    if condition.fact is None or condition.op is None or condition.fact not in facts:
        return None
    return _answer(condition.op, facts[condition.fact], condition.value)


def _answer(op: Operator, seen: Scalar, wanted: Scalar | tuple[Scalar, ...] | None) -> bool:
    if isinstance(wanted, tuple):
        if op == "between":
            low, high = wanted
            return _number(low) <= _number(seen) <= _number(high)
        return seen in wanted
    if op == "is":
        return seen == wanted
    if op == "is_not":
        return seen != wanted
    if op == "at_least":
        return _number(seen) >= _number(wanted)
    return _number(seen) <= _number(wanted)


def _number(value: Scalar | None) -> float:
    """The value as a number; the loader has refused comparisons of size on anything else."""
    return float(value) if isinstance(value, int | float) else float("nan")
