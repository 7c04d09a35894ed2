"""The smallest changes of one fact, or of two together, that turn the advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from advisor.rulebook.changes import Change, idle_changes, turning
from advisor.rulebook.pairs import Reached, pairs
from advisor.rulebook.round_values import rounder
from advisor.rulebook.trials import Trials
from advisor.schema.decide import FactChange, Flip
from advisor.schema.rule import Approach, Scalar

MOST_FLIPS = 12
ENOUGH = 3
"""So many facts that turn the advice alone, and that somebody can change, need no pairs beside."""


def flips(trials: Trials, now: Approach | None) -> tuple[Flip, ...]:
    """Changes of known facts that change the advice: what somebody can change, then what is given.

    Among these the smallest change stands first, and at the end two facts together, where neither
    alone leads to that advice. Pairs are looked for only among facts that somebody can change, and
    only while few of those turn the advice alone. What nobody can answer or measure again is left
    as it is. A number is a round one, or an answer that the interview offers, where that turns the
    advice as well.
    """
    given = trials.compiled.given
    changes = sorted(turning(trials, now), key=lambda change: (change.fact in given, change.size))
    reached: dict[str, set[Approach | None]] = {}
    found: list[Flip] = []
    for change in changes:
        outcomes = reached.setdefault(change.fact, {None, now})
        if change.then not in outcomes and change.then is not None:
            found.append(_flip(trials, change.then, change))
        outcomes.add(change.then)
    if sum(flip.fact not in given for flip in found) < ENOUGH and len(found) < MOST_FLIPS:
        for fact in trials.compiled.free:
            reached.setdefault(fact.id, {None, now})
        idle = list(idle_changes(trials, now, trials.compiled.free))
        found += islice(_together(trials, now, idle, reached), MOST_FLIPS - len(found))
    return tuple(found[:MOST_FLIPS])


def _together(
    trials: Trials, now: Approach | None, changes: Sequence[Change], reached: Reached
) -> Iterator[Flip]:
    """The smallest pair of changes for every two facts and where they lead."""
    seen: set[tuple[str, str, Approach]] = set()
    for one, other, then in pairs(trials, now, changes, reached):
        facts = sorted((one.fact, other.fact))
        if (facts[0], facts[1], then) not in seen:
            seen.add((facts[0], facts[1], then))
            yield _flip(trials, then, one, other)


def _flip(trials: Trials, then: Approach, change: Change, further: Change | None = None) -> Flip:
    if further is None:
        return Flip.model_construct(
            fact=change.fact,
            from_value=trials.facts[change.fact],
            to_value=_rounded(trials, then, change),
            then=then,
            together_with=None,
        )
    return Flip.model_construct(
        fact=change.fact,
        from_value=trials.facts[change.fact],
        to_value=_rounded_beside(trials, change, further),
        then=then,
        together_with=FactChange.model_construct(
            fact=further.fact,
            from_value=trials.facts[further.fact],
            to_value=further.value,
        ),
    )


def _rounded(trials: Trials, then: Approach, change: Change) -> Scalar:
    """A rounder value a little further on that leads to the same advice, if there is one."""
    here = trials.facts[change.fact]
    for value in rounder(trials.vocabulary[change.fact], here, change.value):
        if trials.advised({change.fact: value}, None) == then:
            return value
    return change.value


def _rounded_beside(trials: Trials, change: Change, further: Change) -> Scalar:
    """A rounder value that no rule tells from the one of a change, alone or beside another."""
    here = trials.facts[change.fact]
    beside = {further.fact: further.value}
    wanted = trials.step({change.fact: change.value, **beside})[0]
    for value in rounder(trials.vocabulary[change.fact], here, change.value):
        alone = trials.step({change.fact: value})[0]
        if alone == change.known and trials.step({change.fact: value, **beside})[0] == wanted:
            return value
    return change.value
