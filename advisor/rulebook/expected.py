"""Scores to be expected while facts are unknown, and what an answer to one of them is worth."""

from __future__ import annotations

from advisor.rulebook.derived import bases_of, fed_by
from advisor.rulebook.ordering import PARTS
from advisor.rulebook.scores import places
from advisor.rulebook.trials import Trials

UNIT = 1024
"""Chances are whole parts of this, so that packed sums stay exact."""


class Expected:
    """The mean score of every approach over the answers that are still open.

    Every answer of a fact is taken for as likely as its cell weighs, and facts for independent of
    each other. An undetermined rule then fires with a chance, and adds that share of its weight; a
    rule that requires or forbids counts like two strong reasons.
    """

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self._compiled, self._scores = trials.compiled, trials.scores
        self._chances = {
            place: self._compiled.chance(place, trials.known) for place in places(trials.open)
        }
        stakes = self._scores.stakes
        self._sum = sum(stakes[place] * UNIT for place in places(trials.firing)) + sum(
            stakes[place] * round(chance * UNIT) for place, chance in self._chances.items()
        )
        lanes = self._scores.lanes(self._sum)
        self._leader = lanes.index(max(lanes))

    def worth(self, fact: str) -> float:
        """Points by which the leading score improves in the mean once the fact is known."""
        total = gained = 0.0
        for cell, known in self._trials.tries(fact):
            lanes = self._scores.lanes(self._sum + self._shift(fact, known))
            gained += cell.weight * (max(lanes) - lanes[self._leader])
            total += cell.weight
        return max(gained / total / UNIT / PARTS if total else 0.0, self._worth_derived(fact))

    def _waiting(self, fact: str) -> tuple[int, ...]:
        return places(self._trials.waiting(fact))

    def _shift(self, fact: str, known: int) -> int:
        chance, stakes = self._compiled.chance, self._scores.stakes
        return sum(
            stakes[place] * (round(chance(place, known) * UNIT) - round(self._was(place) * UNIT))
            for place in self._waiting(fact)
        )

    def _was(self, place: int) -> float:
        """How likely a rule fired so far."""
        found = self._chances.get(place)
        return float(self._trials.firing >> place & 1) if found is None else found

    def _worth_derived(self, fact: str) -> float:
        """A share of what a fact is worth that follows from this one and others still unknown."""
        return max(
            (
                self.worth(name) / len(bases_of(name))
                for name in fed_by(fact)
                if name not in self._trials.facts and name in self._compiled.naming
            ),
            default=0.0,
        )
