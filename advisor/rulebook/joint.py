"""Answers to several open questions that turn the advice together, whatever rules they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import add
from typing import NamedTuple

from advisor.rulebook.changes import possible_answers
from advisor.rulebook.ordering import COST_ORDER
from advisor.rulebook.pairs import pairs
from advisor.rulebook.scores import places
from advisor.rulebook.trials import Trials
from advisor.rulebook.values import Cell
from advisor.schema.rule import Approach, Scalar

Answers = dict[str, tuple[Scalar, int]]
"""By fact: its value, and what is known once it has it."""
Witness = tuple[frozenset[str], Approach | None]
"""Facts of which none can be left out, and where some answers to all of them lead."""

NOTHING_GAINED = (0,) * len(COST_ORDER)


def witnesses(trials: Trials, now: Approach | None, facts: Sequence[str]) -> Iterator[Witness]:
    """Sets of facts whose answers turn the advice only together.

    Every two facts are tried. Beyond that, each approach is given the answers that favour it most,
    fact by fact, and the facts go that were not needed. Not every set is found in this way, but
    what is told does turn the advice.
    """
    changes = list(possible_answers(trials, now, facts))
    reached: dict[str, set[Approach | None]] = {fact: {None, now} for fact in facts}
    for one, other, then in pairs(trials, now, changes, reached):
        yield frozenset((one.fact, other.fact)), then
    needs, _ = trials.needs(now)
    sways = trials.scores.sways(trials.waiting(*facts), now, either_way=False)
    could = [(place, need) for place, need in needs if sways[place] >= need]
    if not could:
        return
    most = _most(trials, now, facts)
    live = trials.live(trials.waiting(*facts), *facts)
    rooms = [_room(trials, fact, live) for fact in facts]
    for place, need in could:
        if most[place] >= need:
            chosen = _favourable(trials, now, rooms, place)
            if _advice(trials, now, chosen) not in {None, now}:
                yield _needed(trials, now, chosen)


def _most(trials: Trials, now: Approach | None, facts: Sequence[str]) -> tuple[int, ...]:
    """No answers to these facts give an approach more than this over the one advised now.

    Every rule is left to one of the facts that it waits for, and counts for the answers to that
    fact with which it may still fire.
    """
    left = trials.waiting(*facts)
    total = NOTHING_GAINED
    for fact in facts:
        own = trials.waiting(fact) & left
        if not own:
            continue
        left &= ~own
        cells = [
            trials.scores.sways(_may_fire(trials, own, known), now, either_way=False)
            for _, known in trials.tries(fact)
        ]
        if cells:
            most = [max(gains) for gains in zip(*cells, strict=True)]
            total = tuple(map(add, total, most))
    return total


def _may_fire(trials: Trials, rules: int, known: int) -> int:
    """Those of the rules that may fire on what is known and what may be known beside it."""
    decisions = trials.compiled.decisions
    return sum(
        1 << place for place in places(rules) if decisions[place].state(known).holds is not False
    )


class Room(NamedTuple):
    """What an unknown fact may be, and which rules wait for it."""

    fact: str
    mask: int
    waiting: tuple[int, ...]
    """Places of the rules that may still fire."""
    tries: Sequence[tuple[Cell, int]]


def _room(trials: Trials, fact: str, live: int) -> Room:
    return Room(
        fact=fact,
        mask=trials.compiled.mask_of(fact),
        waiting=places(trials.waiting(fact) & live),
        tries=trials.tries(fact),
    )


def _favourable(
    trials: Trials, now: Approach | None, rooms: Sequence[Room], approach: int
) -> Answers:
    """For every fact: the answer that favours an approach most, given those before it.

    A rule that fires with an answer counts whole, one that may still fire half.
    """
    leads = trials.scores.leads(now, approach)
    decisions = trials.compiled.decisions
    chosen: Answers = {}
    known = trials.known
    for fact, mask, waiting, tries in rooms:
        own = [(leads[place], decisions[place].state) for place in waiting if leads[place]]
        best: tuple[int, Scalar, int] | None = None
        for cell, after in tries if own else tries[:1]:
            told = known & ~mask | after & mask
            gain = 0
            for lead, state in own:
                fires = state(told).holds
                if fires is not False:
                    gain += lead * (2 if fires else 1)
            if best is None or gain > best[0]:
                best = gain, cell.value, told
        if best is not None:
            chosen[fact] = (best[1], best[2])
            known = best[2]
    return chosen


def _advice(trials: Trials, now: Approach | None, chosen: Answers) -> Approach | None:
    firing = trials.firing_after(trials.merged(chosen), trials.waiting(*chosen))
    return trials.advice_of(firing, now)


def _needed(trials: Trials, now: Approach | None, chosen: Answers) -> Witness:
    """What is left of the answers when those go without which the advice turns all the same."""
    left = dict(chosen)
    then = _advice(trials, now, left)
    for fact in chosen:
        less = {name: answer for name, answer in left.items() if name != fact}
        found = _advice(trials, now, less)
        if found not in {None, now}:
            left, then = less, found
    return frozenset(left), then
