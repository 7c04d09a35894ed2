"""Answers to several open questions that turn the advice together, whatever rules they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from advisor.rulebook.expected import Expected
from advisor.rulebook.ordering import COST_ORDER
from advisor.rulebook.pairs import pairs
from advisor.rulebook.trials import Trials
from advisor.schema.rule import Approach, Scalar

Answers = dict[str, tuple[Scalar, int]]
"""By fact: its value, and what is known once it has it."""
Witness = tuple[frozenset[str], Approach | None]
"""Facts of which none can be left out, and where some answers to all of them lead."""


def witnesses(trials: Trials, now: Approach | None, facts: Sequence[str]) -> Iterator[Witness]:
    """Sets of facts whose answers turn the advice only together.

    Every two facts are tried. Beyond that, each approach is given the answers that favour it most,
    fact by fact, and the facts go that were not needed. Not every set is found in this way, but
    what is told does turn the advice.
    """
    changes = list(trials.possible_answers(now, facts))
    reached: dict[str, set[Approach | None]] = {fact: {None, now} for fact in facts}
    for one, other, then in pairs(trials, now, changes, reached):
        yield frozenset((one.fact, other.fact)), then
    needs, _ = trials.needs(now)
    waiting = trials.waiting(*facts)
    sways = trials.scores.sways(waiting, now, either_way=False)
    for place, need in needs:
        if sways[place] >= need or waiting & trials.scores.musts:
            chosen = _favourable(trials, now, facts, COST_ORDER[place])
            if _advice(trials, now, chosen) not in {None, now}:
                yield _needed(trials, now, chosen)


def _favourable(
    trials: Trials, now: Approach | None, facts: Sequence[str], approach: Approach
) -> Answers:
    """For every fact: the answer that favours an approach most, given those before it."""
    expected = Expected(trials)
    chosen: Answers = {}
    for fact in facts:
        best = max(
            trials.tries(fact),
            key=lambda pair: expected.lead(fact, pair[1], approach, now),
            default=None,
        )
        if best is not None:
            cell, known = best
            chosen[fact] = (cell.value, known)
            expected.settle(fact, cell.value, known)
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
