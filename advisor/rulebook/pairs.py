"""Two facts that turn the advice together where neither does alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from heapq import nlargest
from itertools import combinations
from operator import or_
from typing import NamedTuple

from advisor.rulebook.changes import Change
from advisor.rulebook.ordering import COST_ORDER, RANK_OF_COST
from advisor.rulebook.scores import ZERO
from advisor.rulebook.trials import Trials
from advisor.schema.rule import Approach

Reached = Mapping[str, set[Approach | None]]
Pair = tuple[float, Change, Change]
"""Size, and the two changes."""

NONE = (0,) * len(COST_ORDER)


class Group(NamedTuple):
    """The changes of one fact that leave the advice as it is."""

    fact: str
    touched: int
    """The rules that name it."""
    changes: tuple[Change, ...]
    gains: tuple[tuple[int, ...], ...]
    """For every change: what each approach gains on the advised one, in the order of cost."""
    best: tuple[int, ...]
    """The most of these."""
    loss: int
    """The most that the advised one loses."""
    toggled: int
    """The rules that start or cease to fire by any of the changes."""


def pairs(
    trials: Trials, now: Approach | None, changes: Sequence[Change], reached: Reached
) -> Iterator[tuple[Change, Change, Approach]]:
    """Two changes and where they lead, the smallest first: neither alone turns the advice.

    An approach to which either fact alone can lead is left to that fact.
    """
    for _, one, other in sorted(_worth_trying(trials, now, changes, reached), key=_size):
        then = trials.advice_of(_firing_after_both(trials, one, other), now)
        if then is None or then in reached[one.fact] or then in reached[other.fact]:
            continue
        yield one, other, then


def _size(pair: Pair) -> float:
    return pair[0]


def _worth_trying(
    trials: Trials, now: Approach | None, changes: Sequence[Change], reached: Reached
) -> Iterator[Pair]:
    """The pairs of changes that could turn the advice at all, with their size.

    What two facts bring adds up, but for the rules that name both, which may do anything. So much
    must bridge the lead of the approach advised now, unless a rule requires an approach.
    """
    needs, fall = trials.needs(now)
    groups = _groups(trials, now, changes)
    in_reach = _in_reach(groups, needs)
    requires = trials.scores.requires
    is_required = bool(trials.firing & requires)
    for one, other in combinations(groups, 2):
        joint = one.touched & other.touched
        if not joint and not (one.toggled and other.toggled):
            continue
        musts = (one.toggled | other.toggled | joint) & requires
        if is_required and not musts:
            continue
        if musts or one.loss + other.loss >= fall:
            yield from _combined(one, other, None)
            continue
        missing: Sequence[tuple[int, int]] = in_reach
        if joint:
            sways = trials.scores.sways(joint, now, either_way=True)
            missing = [(place, need - sways[place]) for place, need in needs]
        first, second = one.best, other.best
        still = [
            (place, need)
            for place, need in missing
            if first[place] + second[place] >= need
            and COST_ORDER[place] not in reached[one.fact]
            and COST_ORDER[place] not in reached[other.fact]
        ]
        if still:
            yield from _combined(one, other, still)


def _in_reach(groups: Sequence[Group], needs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of the needs when those go that no two facts could meet."""
    if len(groups) < 2:
        return []
    best = [sum(nlargest(2, column)) for column in zip(*(g.best for g in groups), strict=True)]
    return [(place, need) for place, need in needs if best[place] >= need]


def _combined(one: Group, other: Group, needs: Sequence[tuple[int, int]] | None) -> Iterator[Pair]:
    """The changes of two facts that bring some approach what it needs; all of them for None."""
    for change, gains in zip(one.changes, one.gains, strict=True):
        for further, more in zip(other.changes, other.gains, strict=True):
            if needs is None:
                yield change.size + further.size, change, further
                continue
            for place, need in needs:
                if gains[place] + more[place] >= need:
                    yield change.size + further.size, change, further
                    break


def _groups(trials: Trials, now: Approach | None, changes: Sequence[Change]) -> list[Group]:
    by_fact: dict[str, list[Change]] = {}
    for change in changes:
        if change.then == now:
            by_fact.setdefault(change.fact, []).append(change)
    return [_group(trials, now, tuple(found)) for found in by_fact.values()]


def _group(trials: Trials, now: Approach | None, changes: tuple[Change, ...]) -> Group:
    told = [trials.gains(c.firing) for c in changes]
    own = [each[RANK_OF_COST[now]] if now is not None else ZERO for each in told]
    gains = tuple(
        [
            tuple([g - mine for g in each]) if c.toggled else NONE
            for c, each, mine in zip(changes, told, own, strict=True)
        ]
    )
    return Group(
        fact=changes[0].fact,
        touched=changes[0].touched,
        changes=changes,
        gains=gains,
        best=gains[0] if len(gains) == 1 else tuple(map(max, *gains)),
        loss=ZERO - min(own),
        toggled=reduce(or_, (c.toggled for c in changes)),
    )


def _firing_after_both(trials: Trials, one: Change, other: Change) -> int:
    """The decision rules that fire after both changes."""
    joint = one.touched & other.touched
    firing = trials.firing ^ ((one.toggled | other.toggled) & ~joint)
    if not joint:
        return firing
    if one.mask & other.mask:
        known, _ = trials.step({one.fact: one.value, other.fact: other.value})
    else:
        known = trials.known & ~(one.mask | other.mask)
        known |= one.known & one.mask | other.known & other.mask
    return trials.firing_after(known, joint, before=firing)
