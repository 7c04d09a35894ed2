"""Which prompts are worth a try next: other shots, other numbers of them, what did well joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.builtin.prompting.labels import distinct_targets
from advisor.builtin.prompting.parts import with_instruction
from advisor.builtin.prompting.reflection import Case
from advisor.builtin.prompting.shots import SHOTS, choose_shots
from advisor.builtin.prompting.similar import SimilarShots
from advisor.builtin.prompting.trials import TOP, Candidate, Trial
from advisor.builtin.prompting.turns import Lead
from advisor.schema.evaluation import Sample
from advisor.schema.labels import MOST_LABELS

NUMBERS = (1, 2, 4, 8)
"""Shots that are tried."""
FEWEST_KEPT = 2
"""Answered samples from which a set of shots can be made."""


class Newcomers:
    """Ideas that need no writing."""

    def __init__(
        self,
        pool: Sequence[Sample],
        similar: SimilarShots | None,
        *,
        seed: int,
        may_show: bool,
    ) -> None:
        self._pool = pool
        self._similar = similar
        self._seed = seed
        self._may_show = may_show

    def instructed(self, lead: Lead, text: str) -> Lead:
        """The lead with another instruction."""
        return with_instruction(lead, text, self._pool)

    def around(
        self, best: Candidate, trials: Sequence[Trial], cases: Sequence[Case], rounds: int
    ) -> list[Candidate]:
        """Neighbours of the best candidate, the most promising first."""
        ideas = self._joined(trials)
        if self._may_show:
            ideas += self._more_or_fewer(best) if best.has_shots else self._first_shots(best, cases)
            ideas.append(self._fixed(best, SHOTS, self._seed + 1 + rounds, f" (set {rounds + 2})"))
        return [*ideas, *self._listing(best)]

    def _first_shots(self, best: Candidate, cases: Sequence[Case]) -> list[Candidate]:
        ideas = []
        if self._similar is not None:
            ideas.append(_similar(best, SHOTS))
        ideas.append(self._fixed(best, SHOTS, self._seed))
        known = [case for case in cases if case.value is not None]
        right = [case.sample for case in known if (case.value or 0.0) >= TOP]
        wrong = [case.sample for case in known if (case.value or 0.0) < TOP]
        for kept, which in ((right, "that it answers right"), (wrong, "that it answers wrong")):
            if len(kept) >= FEWEST_KEPT:
                shots = choose_shots(kept, SHOTS, self._seed)
                origin = f"{len(shots)} shots {which} without shots"
                ideas.append(replace(best, fixed=shots, similar=0, origin=origin))
        return ideas

    def _more_or_fewer(self, best: Candidate) -> list[Candidate]:
        shown = best.similar or len(best.fixed)
        others = sorted(
            (n for n in NUMBERS if n != shown),
            key=lambda n: (abs(n.bit_length() - shown.bit_length()), -n),
        )
        if best.similar:
            return [_similar(best, number) for number in others]
        ideas = [_similar(best, shown)] if self._similar is not None else []
        return [*ideas, *(self._fixed(best, number, self._seed) for number in others)]

    def _fixed(self, best: Candidate, count: int, seed: int, which: str = "") -> Candidate:
        shots = choose_shots(self._pool, count, seed)
        origin = f"{len(shots)} random shots{which}"
        return replace(best, fixed=shots, similar=0, origin=origin)

    def _joined(self, trials: Sequence[Trial]) -> list[Candidate]:
        """The best new instruction with the best shots, where each did well by itself."""
        start = trials[0]
        told = [
            t for t in trials if t.candidate.lead.instruction != start.candidate.lead.instruction
        ]
        shown = [t for t in trials if t.candidate.has_shots]
        if not told or not shown:
            return []
        one, two = (max(some, key=lambda trial: trial.value()) for some in (told, shown))
        if min(t.value() - start.value(len(t.marks)) for t in (one, two)) <= 0:
            return []
        joined = replace(two.candidate, lead=one.candidate.lead)
        return [replace(joined, origin=f"{one.candidate.origin}, with {two.candidate.origin}")]

    def _listing(self, best: Candidate) -> list[Candidate]:
        """The targets listed as labels, where they are repeated and nobody listed them yet."""
        labels = distinct_targets(self._pool)
        if best.lead.labels or not 2 <= len(labels) <= min(MOST_LABELS, len(self._pool) // 2):
            return []
        lead = replace(best.lead, labels=labels)
        return [replace(best, lead=lead, origin=f"{len(labels)} labels listed")]


def _similar(best: Candidate, count: int) -> Candidate:
    origin = f"{count} similar shot{'s' * (count > 1)}"
    return replace(best, fixed=(), similar=count, origin=origin)
