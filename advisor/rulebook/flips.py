"""The smallest changes of one fact, or of two together, that turn the advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from advisor.rulebook.pairs import Reached, pairs
from advisor.rulebook.trials import Change, Trials
from advisor.schema.decide import FactChange, Flip
from advisor.schema.rule import Approach

MOST_FLIPS = 12


def flips(trials: Trials, now: Approach | None) -> tuple[Flip, ...]:
    """Changes of known facts that change the advice, fewest facts first, then the smallest.

    Two facts stand together only where neither alone leads to that advice. What nobody can answer
    or measure again is left as it is.
    """
    changes = sorted(trials.changes(now), key=lambda change: change.size)
    reached: dict[str, set[Approach | None]] = {}
    found: list[Flip] = []
    for change in changes:
        outcomes = reached.setdefault(change.fact, {None, now})
        if change.then is not None and change.then not in outcomes:
            found.append(_flip(trials, change.then, change))
        outcomes.add(change.then)
    if len(found) < MOST_FLIPS:
        found += islice(_together(trials, now, changes, reached), MOST_FLIPS - len(found))
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
            further = FactChange(
                fact=other.fact, from_value=trials.facts[other.fact], to_value=other.value
            )
            yield _flip(trials, then, one, further)


def _flip(
    trials: Trials, then: Approach, change: Change, further: FactChange | None = None
) -> Flip:
    return Flip(
        fact=change.fact,
        from_value=trials.facts[change.fact],
        to_value=change.value,
        then=then,
        together_with=further,
    )
