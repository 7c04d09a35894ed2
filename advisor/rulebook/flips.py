"""The smallest changes of one fact, or of two together, that turn the advice."""

from __future__ import annotations

from itertools import islice

from advisor.rulebook.pairs import pairs
from advisor.rulebook.trials import Change, Trials
from advisor.schema.decide import Flip
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
        found += islice(pairs(trials, now, changes, reached), MOST_FLIPS - len(found))
    return tuple(found[:MOST_FLIPS])


def _flip(trials: Trials, then: Approach, change: Change) -> Flip:
    return Flip(
        fact=change.fact, from_value=trials.facts[change.fact], to_value=change.value, then=then
    )
