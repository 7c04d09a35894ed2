"""Facts that are computed from other facts, because no condition can compare two of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from advisor.schema.rule import Scalar

Facts = Mapping[str, Scalar]
Computed = bool | float | str | None


def with_derived(facts: Facts) -> dict[str, Scalar]:
    """The facts with every derived one that they determine."""
    known = {name: value for name, value in facts.items() if name not in DERIVED}
    for name, derivation in DERIVED.items():
        value = derivation.compute(known)
        if value is not None:
            known[name] = value
    return known


def computed(fact: str, facts: Facts) -> Computed:
    """A derived fact's value; None where something it needs is unknown."""
    if any(base in DERIVED for base in DERIVED[fact].of):
        return with_derived(facts).get(fact)
    return DERIVED[fact].compute(facts)


@cache
def fed_by(fact: str) -> tuple[str, ...]:
    """The derived facts that follow a fact, directly or through another, in order."""
    found: list[str] = []
    for name, derivation in DERIVED.items():
        if {fact, *found} & set(derivation.of):
            found.append(name)
    return tuple(found)


@cache
def bases_of(fact: str) -> tuple[str, ...]:
    """The stated facts that a fact is computed from; itself for one that is stated."""
    if fact not in DERIVED:
        return (fact,)
    found = (base for part in DERIVED[fact].of for base in bases_of(part))
    return tuple(dict.fromkeys(found))


def values_behind(derived: str, fact: str, value: Scalar, facts: Facts) -> list[float]:
    """Values of a stated fact that bring a derived one to a value and to either side of it.

    Empty where another fact that it needs is unknown.
    """
    return list(DERIVED[derived].behind(fact, value, facts))


def samples_per_class(facts: Facts) -> float | None:
    """Labelled samples over labels; None where either is unknown or there are no labels."""
    samples, classes = facts.get(SAMPLES), facts.get(CLASSES)
    if samples is None or not classes:
        return None
    return float(samples) / float(classes)


def _behind_samples_per_class(fact: str, value: Scalar, facts: Facts) -> Iterator[float]:
    each = float(value)
    if fact == SAMPLES and facts.get(CLASSES):
        exact = each * float(facts[CLASSES])
    elif fact == CLASSES and SAMPLES in facts and each > 0:
        exact = float(facts[SAMPLES]) / each
    else:
        return
    least = 0 if fact == SAMPLES else 1
    whole = {math.floor(exact) - 1, math.floor(exact), math.ceil(exact), math.ceil(exact) + 1}
    yield from sorted(number for number in whole if number >= least)


def outpaces_retraining(facts: Facts) -> bool | None:
    """Whether facts change more often than somebody would tune again; None where unknown."""
    changes, retrains = facts.get(CHANGES), facts.get(RETRAINS)
    if changes is None or retrains is None:
        return None
    return float(changes) < float(retrains)


def _behind_outpaces(fact: str, _value: Scalar, facts: Facts) -> Iterator[float]:
    other = RETRAINS if fact == CHANGES else CHANGES
    if other not in facts:
        return
    days = float(facts[other])
    step = 1.0 if days > 1 else days / 2
    yield from (days - step, days, days + step)


def frontier_usable(facts: Facts) -> bool | None:
    """Whether a frontier model is at hand and may see the data; None where that is unknown.

    Data that must stay rules it out, whatever is on offer; silence about privacy does not.
    """
    if facts.get(STAYS) is True:
        return False
    available = facts.get(FRONTIER)
    return None if available is None else bool(available)


def _behind_usable(_fact: str, _value: Scalar, _facts: Facts) -> Iterator[bool]:
    yield from (True, False)


def prompt_reaches_target(facts: Facts) -> bool | None:
    """Whether the best prompt scores at least the target; None where either is unknown."""
    score, target = facts.get(SCORE), facts.get(TARGET)
    if score is None or target is None:
        return None
    return float(score) >= float(target)


def _behind_reaches(fact: str, _value: Scalar, facts: Facts) -> Iterator[float]:
    other = TARGET if fact == SCORE else SCORE
    if other in facts:
        share = float(facts[other])
        near = (round(share + step, 6) for step in (-0.01, 0.0, 0.01))
        yield from (value for value in near if 0 <= value <= 1)


@dataclass(frozen=True)
class Derivation:
    """How a fact follows from others, and back."""

    of: tuple[str, ...]
    compute: Callable[[Facts], Computed]
    behind: Callable[[str, Scalar, Facts], Iterator[float]]
    needs_all: bool = True
    """Nothing follows while one of them is unknown."""


SAMPLES, CLASSES = "data.labelled_samples", "data.classes"
CHANGES, RETRAINS = "knowledge.update_interval_days", "constraints.retrain_interval_days"
FRONTIER, STAYS = "model.frontier_available", "constraints.must_stay_local"
SCORE, TARGET = "measured.prompted_score", "task.target"
DERIVED: dict[str, Derivation] = {
    "data.samples_per_class": Derivation(
        of=(SAMPLES, CLASSES), compute=samples_per_class, behind=_behind_samples_per_class
    ),
    "model.frontier_usable": Derivation(
        of=(FRONTIER, STAYS), compute=frontier_usable, behind=_behind_usable, needs_all=False
    ),
    "measured.prompt_reaches_target": Derivation(
        of=(SCORE, TARGET), compute=prompt_reaches_target, behind=_behind_reaches
    ),
    "knowledge.outpaces_retraining": Derivation(
        of=(CHANGES, RETRAINS), compute=outpaces_retraining, behind=_behind_outpaces
    ),
}
"""In order: a later one may use an earlier one. `rules/facts.yaml` names the same bases."""
