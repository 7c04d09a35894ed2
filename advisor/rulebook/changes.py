"""Changes of single facts, each with the advice that it would bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from advisor.rulebook.trials import Trials
from advisor.rulebook.values import Cell, is_too_far_down, nearest, within
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Scalar


class Change(NamedTuple):
    """One known fact brought to another value, and what follows."""

    fact: str
    value: Scalar
    size: float
    known: int
    """What is known afterwards."""
    mask: int
    """The part of it that the change may have changed."""
    touched: int
    """Decision rules that name the fact, or one that follows from it."""
    toggled: int
    """Those of them that start or cease to fire."""
    then: Approach | None
    firing: int
    """The decision rules that fire then."""


def turning(trials: Trials, now: Approach | None) -> Iterator[Change]:
    """Every change of a known fact, to the nearest value of some cell, that turns the advice.

    One that makes rules clash turns nothing.
    """
    for fact in trials.compiled.changeable:
        here = trials.facts.get(fact.id)
        if here is None:
            continue
        touched = trials.compiled.touched_by(fact.id)
        live = trials.live(touched, fact.id)
        if not live:
            continue
        for (cell, then), (_, known) in zip(
            trials.advice_by_cell(fact.id, live, now), trials.tries(fact.id), strict=True
        ):
            found = _nearest(fact, here, cell) if then != now else None
            if found is not None:
                yield _change(trials, now, fact.id, (*found, known), touched, live)


def idle_changes(trials: Trials, now: Approach | None, facts: Iterable[Fact]) -> Iterator[Change]:
    """Every change of these known facts that leaves the advice as it is."""
    for fact in facts:
        here = trials.facts.get(fact.id)
        if here is None:
            continue
        touched = trials.compiled.touched_by(fact.id)
        live = trials.live(touched, fact.id)
        for cell, known in trials.tries(fact.id):
            if known == trials.known:
                continue
            found = _nearest(fact, here, cell)
            if found is not None:
                change = _change(trials, now, fact.id, (*found, known), touched, live)
                if change.then == now:
                    yield change


def _nearest(fact: Fact, here: Scalar, cell: Cell) -> tuple[Scalar, float] | None:
    """The nearest value of a cell that makes sense, with the size of the change."""
    sensible = within(fact, cell)
    if sensible is None:
        return None
    value, size = nearest(fact, sensible, here)
    return None if fact.flips == "" and is_too_far_down(fact, here, value) else (value, size)


def possible_answers(
    trials: Trials, now: Approach | None, facts: Iterable[str]
) -> Iterator[Change]:
    """Every unknown fact of these answered with each of its cells."""
    for fact in facts:
        touched = trials.compiled.touched_by(fact)
        live = trials.live(touched, fact)
        for cell, known in trials.tries(fact):
            yield _change(trials, now, fact, (cell.value, 0.0, known), touched, live)


def _change(
    trials: Trials,
    now: Approach | None,
    fact: str,
    step: tuple[Scalar, float, int],
    touched: int,
    live: int,
) -> Change:
    """A fact brought to a value, with its size and what is known then."""
    value, size, known = step
    firing = trials.firing_after(known, live) if live else trials.firing
    return Change(
        fact,
        value,
        size,
        known,
        trials.compiled.mask_of(fact),
        touched,
        firing ^ trials.firing,
        now if firing == trials.firing else trials.advice_of(firing, now),
        firing,
    )
