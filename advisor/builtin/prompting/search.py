"""The search over prompts: rounds of newcomers race against the best so far on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from advisor.builtin.prompting.compared import Paired
from advisor.builtin.prompting.newcomers import Newcomers
from advisor.builtin.prompting.parts import Parts, judged_on
from advisor.builtin.prompting.reflection import (
    WRITTEN_TOKENS,
    Attempt,
    Case,
    asking_to_improve,
    asking_to_write,
    read_instruction,
)
from advisor.builtin.prompting.shots import choose_shots
from advisor.builtin.prompting.similar import SimilarShots
from advisor.builtin.prompting.trials import TOP, Candidate, Desk, Trial

FEWEST_FIRST = 4
"""Dev samples after which half of the newcomers go."""
LEARNT_FROM = 8
"""Train samples that are answered before each reflection."""
FAILURES_SHOWN = 6
RIGHT_SHOWN = 2
ATTEMPTS_SHOWN = 3
JUNK_BORNE = 2
"""Texts without a usable instruction in a row after which no more are asked for."""
IDLE_BORNE = 3
"""Rounds without a better prompt after which the search ends."""
WRITER_SHOWN = 8


@dataclass(frozen=True)
class Outcome:
    """What a search found."""

    start: Trial
    best: Trial
    trials: tuple[Trial, ...]
    """All that were tried, the start first."""
    judged: Paired
    """The best against the start."""
    used: int
    written: int
    """Instructions that the model wrote and that were tried."""
    remarks: tuple[str, ...]

    @property
    def chosen(self) -> Trial:
        """The best where it is better than chance would make it, else the start."""
        return self.best if self.judged.is_better else self.start


class Search:
    """One search, with a desk to ask at."""

    def __init__(
        self,
        start: Candidate,
        desk: Desk,
        parts: Parts,
        similar: SimilarShots | None,
        *,
        seed: int,
        may_show: bool,
    ) -> None:
        self._desk = desk
        self._parts = parts
        self._full = judged_on(desk.calls, len(parts.dev))
        self._first = min(self._full, max(FEWEST_FIRST, -(-self._full // 4)))
        self._seed = seed
        self._start = self._best = desk.trial(start)
        self._trials = [self._start]
        self._newcomers = Newcomers(parts.pool, similar, seed=seed, may_show=may_show)
        self._cases: dict[str, Case] = {}
        self._asked_of_pool = 0
        self._junk = self._written = self._idle = 0

    def run(self, should_stop: Callable[[], bool]) -> Outcome:
        """Search until calls, ideas or patience run out."""
        desk, dev = self._desk, self._parts.dev
        desk.extend([self._start], dev, self._full)
        rounds = 0
        while self._goes_on() and not should_stop():
            newcomers = self._next(rounds)
            rounds += 1
            if newcomers:
                self._race(newcomers)
            else:
                self._idle += 1
        if self._best is not self._start:
            more = self._full + min(len(dev) - self._full, desk.left // 2)
            if desk.fits(self._best.candidate, dev[self._full : more]):
                desk.extend([self._start, self._best], dev, more)
        return Outcome(
            self._start,
            self._best,
            tuple(trial for trial in self._trials if trial.marks),
            self._start.against(self._best),
            desk.used,
            self._written,
            tuple(self._remarks()),
        )

    def _goes_on(self) -> bool:
        is_affordable = self._desk.left > self._first
        return is_affordable and self._best.value() < TOP and self._idle < IDLE_BORNE

    def _next(self, rounds: int) -> list[Trial]:
        """Newcomers of a round: what a reflection wrote, then shots and their likes."""
        ideas: list[Candidate] = []
        if rounds == 0 and not self._start.candidate.lead.instruction:
            ideas += self._from_samples()
        ideas += self._from_failures()
        best = self._best.candidate
        ideas += self._newcomers.around(best, self._trials, list(self._cases.values()), rounds)
        room = max(1, self._desk.left // (2 * self._first))
        known = {one for trial in self._trials for one in _names(trial.candidate)}
        fresh = {idea.key: idea for idea in ideas if known.isdisjoint(_names(idea))}
        sight = self._parts.dev[: self._full]
        fitting = (idea for idea in fresh.values() if self._desk.fits(idea, sight))
        return [self._desk.trial(idea) for idea in islice(fitting, room)]

    def _race(self, newcomers: list[Trial]) -> None:
        """Half of the newcomers stay after the first samples, one goes to the end."""
        self._trials += newcomers
        self._idle += 1
        alive, half = newcomers, -(-self._full // 2)
        for size, stay in ((self._first, -(-len(newcomers) // 2)), (half, 1), (self._full, 1)):
            self._desk.extend(alive, self._parts.dev, size)
            ahead = [trial for trial in alive if self._is_ahead(trial, size)]
            alive = sorted(ahead, key=lambda trial: -trial.value(size))[:stay]
            if not alive:
                return
        self._best, self._idle = alive[0], 0

    def _is_ahead(self, trial: Trial, size: int) -> bool:
        """Whether it is better than the best so far; at first being as good as one is enough."""
        count, difference = self._best.lead(trial, size)
        if size == self._first < self._full and trial.value(size) > 0:
            return difference >= 0
        return count > self._first // 2 and difference > 0

    def _from_samples(self) -> list[Candidate]:
        shown = choose_shots(self._parts.pool, WRITER_SHOWN, self._seed)
        done = self._desk.reflect(asking_to_write(shown), WRITTEN_TOKENS)
        text = read_instruction(done) if done else ""
        return self._with(text, "instruction written from samples")

    def _from_failures(self) -> list[Candidate]:
        """A better instruction, from failures of the best prompt on train samples."""
        cases = self._learn()
        failed = [case for case in cases if case.value is not None and case.value < TOP]
        if not failed or self._junk >= JUNK_BORNE:
            return []
        best = self._best.candidate
        tried = {t.candidate.lead.instruction: t.value() for t in self._trials}
        present = best.lead.instruction
        others = [Attempt(text, mean) for text, mean in tried.items() if text and text != present]
        others.sort(key=lambda attempt: -attempt.value)
        right = [case for case in cases if case not in failed and case.value is not None]
        prompt = asking_to_improve(
            present, failed[:FAILURES_SHOWN], right[:RIGHT_SHOWN], others[:ATTEMPTS_SHOWN]
        )
        done = self._desk.reflect(prompt, WRITTEN_TOKENS)
        text = read_instruction(done, [*tried]) if done else ""
        self._junk = 0 if text else self._junk + 1
        return self._with(text, "instruction written from failures")

    def _with(self, text: str, origin: str) -> list[Candidate]:
        if not text:
            return []
        self._written += 1
        best = self._best.candidate
        lead = self._newcomers.instructed(best.lead, text)
        return [replace(best, lead=lead, origin=origin)]

    def _learn(self) -> list[Case]:
        """The best prompt's answers to the next train samples; keeps how each was answered."""
        pool = self._parts.pool
        count = min(LEARNT_FROM, len(pool), max(0, self._desk.left - self._first - 1))
        some = [pool[(self._asked_of_pool + at) % len(pool)] for at in range(count)]
        self._asked_of_pool += count
        cases = self._desk.cases(self._best.candidate, some)
        self._cases |= {case.sample.id: case for case in cases}
        return cases

    def _remarks(self) -> list[str]:
        remarks = []
        if self._junk >= JUNK_BORNE:
            remarks.append(
                "Shown failures, the model wrote nothing that was new and an instruction."
            )
        if self._desk.ran_out:
            remarks.append("The search ended early: no more answers came (calls or money ran out).")
        return remarks


def _names(candidate: Candidate) -> set[object]:
    """What two candidates do not share unless trying both is a waste."""
    names: set[object] = {candidate.key}
    if candidate.has_shots:
        names.add((candidate.lead, candidate.origin))
    return names
