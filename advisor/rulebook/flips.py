"""The smallest changes of one fact, or of two together, that turn the advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor.rulebook.compiled import places
from advisor.rulebook.derived import DERIVED
from advisor.rulebook.trials import Trials
from advisor.rulebook.values import Cell, distance
from advisor.schema.decide import FactChange, Flip
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Scalar

MOST_FLIPS = 12
MEASURED_AGAIN = frozenset({"dataset", "documents", "catalog", "baseline", "gate"})
"""What can come out otherwise when it is measured again; a machine stays what it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """One known fact brought to another value, and what follows."""

    fact: str
    value: Scalar
    size: float
    known: int
    """What is known afterwards."""
    touched: int
    """Rules that name the fact, or one that follows from it."""
    toggled: int
    """Those of them that start or cease to fire."""
    then: Approach | None
    pull: int
    """The most that any approach gains on the one advised now."""
    drop: int
    """What the one advised now loses."""


def flips(trials: Trials, now: Approach | None) -> tuple[Flip, ...]:
    """Changes of known facts that change the advice, fewest facts first, then the smallest.

    Two facts stand together only where neither alone leads to that advice. What nobody can answer
    or measure again is left as it is.
    """
    changes = sorted(_changes(trials, now), key=lambda change: change.size)
    reached: dict[str, set[Approach | None]] = {}
    found: list[Flip] = []
    for change in changes:
        outcomes = reached.setdefault(change.fact, {None, now})
        if change.then is not None and change.then not in outcomes:
            found.append(_flip(trials, change.then, change))
        outcomes.add(change.then)
    if len(found) < MOST_FLIPS:
        found += _pairs(trials, now, changes, reached, MOST_FLIPS - len(found))
    return tuple(found[:MOST_FLIPS])


def can_change(fact: Fact) -> bool:
    """Whether somebody can answer the fact otherwise, or measure it again."""
    if fact.id in DERIVED or fact.type == "text":
        return False
    return bool(fact.question) or fact.measured_by in MEASURED_AGAIN


def _changes(trials: Trials, now: Approach | None) -> Iterator[Change]:
    """Every known fact brought to the nearest value of every other cell."""
    before = trials.compiled.sums(trials.firing)
    for fact in trials.rulebook.vocabulary:
        here = trials.facts.get(fact.id)
        if here is None or not can_change(fact):
            continue
        for cell, known in trials.tries(fact.id):
            if known == trials.known:
                continue
            value = _nearest(fact, cell, here)
            touched = trials.touched(fact.id)
            firing = trials.firing_after(known, touched)
            pull, drop = trials.shift(trials.compiled.sums(firing) - before, now)
            yield Change(
                fact=fact.id,
                value=value,
                size=distance(fact, here, value),
                known=known,
                touched=touched,
                toggled=firing ^ trials.firing,
                then=trials.advice_of(firing, now),
                pull=pull,
                drop=drop,
            )


def _nearest(fact: Fact, cell: Cell, here: Scalar) -> Scalar:
    if len(cell.values) == 1:
        return cell.value
    return min(cell.values, key=lambda value: distance(fact, here, value))


def _pairs(
    trials: Trials,
    now: Approach | None,
    changes: Sequence[Change],
    reached: Mapping[str, set[Approach | None]],
    room: int,
) -> Iterator[Flip]:
    seen: set[tuple[str, str, Approach]] = set()
    for _, first, second in sorted(_worth_pairing(trials, now, changes)):
        one, other = changes[first], changes[second]
        then = trials.advice_of(_firing_after_both(trials, one, other), now)
        if then is None or then in reached[one.fact] or then in reached[other.fact]:
            continue
        if (one.fact, other.fact, then) not in seen:
            seen |= {(one.fact, other.fact, then), (other.fact, one.fact, then)}
            yield _flip(trials, then, one, other)
            room -= 1
            if not room:
                return


def _worth_pairing(
    trials: Trials, now: Approach | None, changes: Sequence[Change]
) -> Iterator[tuple[float, int, int]]:
    """Size and places of the pairs that could turn the advice at all.

    Two changes that share no rule add up, so that their sums must bridge the lead.
    """
    lead, fall = trials.lead(now)
    musts = trials.compiled.musts
    for second, other in enumerate(changes):
        for first in range(second):
            one = changes[first]
            if one.fact != other.fact and (
                one.pull + other.pull >= lead
                or one.touched & other.touched
                or one.drop + other.drop >= fall
                or (one.toggled | other.toggled) & musts
            ):
                yield one.size + other.size, first, second


def _firing_after_both(trials: Trials, one: Change, other: Change) -> int:
    joint = one.touched & other.touched
    firing = trials.firing ^ ((one.toggled | other.toggled) & ~joint)
    if not joint:
        return firing
    known, _ = trials.step({one.fact: one.value, other.fact: other.value})
    for place in places(joint):
        bit = 1 << place
        holds = trials.compiled.decisions[place].state(known).holds
        firing = firing | bit if holds else firing & ~bit
    return firing


def _flip(trials: Trials, then: Approach, change: Change, *others: Change) -> Flip:
    more: Iterable[FactChange] = (
        FactChange(fact=c.fact, from_value=trials.facts[c.fact], to_value=c.value) for c in others
    )
    return Flip(
        fact=change.fact,
        from_value=trials.facts[change.fact],
        to_value=change.value,
        then=then,
        together_with=next(iter(more), None),
    )
