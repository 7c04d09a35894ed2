"""Two facts that turn the advice together where neither does alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from advisor.rulebook.compiled import ZERO, places
from advisor.rulebook.ordering import COST_ORDER, RANK_OF_COST
from advisor.rulebook.trials import Change, Trials
from advisor.schema.decide import FactChange, Flip
from advisor.schema.rule import Approach

Reached = Mapping[str, set[Approach | None]]
Pair = tuple[float, int, Change, Change]
"""Size, number in line, and the two changes."""


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one fact that leave the advice as it is."""

    changes: tuple[Change, ...]
    best: tuple[int, ...]
    """The most that every approach gains on the advised one, in the order of cost."""
    loss: int
    """The most that the advised one loses."""


def pairs(
    trials: Trials, now: Approach | None, changes: Sequence[Change], reached: Reached
) -> Iterator[Flip]:
    """Flips of two facts, the smallest first: neither change alone turns the advice.

    An approach to which either fact alone can lead is left to that fact.
    """
    seen: set[tuple[str, str, Approach]] = set()
    for _, _, one, other in sorted(_worth_trying(trials, now, changes, reached)):
        then = trials.advice_of(_firing_after_both(trials, one, other), now)
        if then is None or then in reached[one.fact] or then in reached[other.fact]:
            continue
        if (one.fact, other.fact, then) not in seen:
            seen.add((one.fact, other.fact, then))
            yield _flip(trials, then, one, other)


def _worth_trying(
    trials: Trials, now: Approach | None, changes: Sequence[Change], reached: Reached
) -> Iterator[Pair]:
    """The pairs of changes that could turn the advice at all.

    What two facts bring that share no rule adds up, so that it must bridge the lead of the
    approach advised now. Facts that share a rule are always tried, and so are those of a rule that
    requires an approach.
    """
    needs, fall = _needs(trials, now)
    requires = trials.compiled.requires
    is_required = bool(trials.firing & requires)
    number = 0
    for one, other in combinations(_groups(now, changes), 2):
        first, second = one.changes[0], other.changes[0]
        if is_required and not (first.touched | second.touched) & requires:
            continue
        done = reached[first.fact] | reached[second.fact]
        if (
            first.touched & second.touched
            or (first.touched | second.touched) & requires
            or one.loss + other.loss >= fall
            or any(
                one.best[place] + other.best[place] >= need
                for place, need in needs
                if COST_ORDER[place] not in done
            )
        ):
            for change in one.changes:
                for further in other.changes:
                    number += 1
                    yield change.size + further.size, number, change, further


def _groups(now: Approach | None, changes: Sequence[Change]) -> list[Group]:
    by_fact: dict[str, list[Change]] = {}
    for change in changes:
        if change.then == now:
            by_fact.setdefault(change.fact, []).append(change)
    return [_group(now, tuple(found)) for found in by_fact.values()]


def _group(now: Approach | None, changes: tuple[Change, ...]) -> Group:
    own = [c.gains[RANK_OF_COST[now]] if now is not None else ZERO for c in changes]
    relative = [[g - mine for g in c.gains] for c, mine in zip(changes, own, strict=True)]
    return Group(
        changes=changes,
        best=tuple(map(max, zip(*relative, strict=True))),
        loss=ZERO - min(own),
    )


def _needs(trials: Trials, now: Approach | None) -> tuple[list[tuple[int, int]], int]:
    """What every other approach must gain on the advised one before it can lead, by its place.

    Beside them: what the advised one may lose before nothing speaks for it.
    """
    lanes = trials.compiled.lanes(trials.compiled.sums(trials.firing))
    own = lanes[RANK_OF_COST[now]] if now is not None else ZERO
    cheaper = range(RANK_OF_COST[now] if now is not None else 0)
    tie = trials.compiled.tie
    needs = [
        (place, own - lane + 1 - (tie if place in cheaper else 0))
        for place, lane in enumerate(lanes)
        if COST_ORDER[place] != now
    ]
    return needs, own - ZERO if now is not None else ZERO


def _firing_after_both(trials: Trials, one: Change, other: Change) -> int:
    """The decision rules that fire after both changes."""
    joint = one.touched & other.touched
    firing = trials.firing ^ ((one.toggled | other.toggled) & ~joint)
    if not joint:
        return firing
    if one.mask & other.mask:
        known, _ = trials.step({one.fact: one.value, other.fact: other.value})
    else:
        rest = trials.known & ~(one.mask | other.mask)
        known = rest | (one.known & one.mask) | (other.known & other.mask)
    decisions = trials.compiled.decisions
    for place in places(joint):
        bit = 1 << place
        firing = firing | bit if decisions[place].state(known).holds else firing & ~bit
    return firing


def _flip(trials: Trials, then: Approach, one: Change, other: Change) -> Flip:
    further = FactChange(fact=other.fact, from_value=trials.facts[other.fact], to_value=other.value)
    return Flip(
        fact=one.fact,
        from_value=trials.facts[one.fact],
        to_value=one.value,
        then=then,
        together_with=further,
    )
