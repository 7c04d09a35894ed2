"""The search of the package gepa, asking at our desk; the back room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gepa

from advisor.builtin.prompting.compared import Mark
from advisor.builtin.prompting.parts import with_instruction
from advisor.builtin.prompting.reflection import WRITTEN_TOKENS, Case
from advisor.builtin.prompting.trials import TOP, Candidate, Desk, Trial
from advisor.schema.evaluation import Message, Prompt, Sample

NAME = "instruction"
LEARNT_FROM = 4
"""Train samples that are answered before each reflection, and again after it."""


IDLE_BORNE = 5
"""Rounds without a call after which the search ends: gepa itself would go on for ever."""


class Found(NamedTuple):
    """The start and everything that was judged on dev samples."""

    trials: tuple[Trial, ...]
    best: Trial
    """Of those that answered all dev samples."""
    written: int
    long: int
    """Instructions with which prompts do not fit the model's window."""


class _Silence:
    """A log for nobody."""

    def log(self, message: str) -> None:
        """Say nothing."""


class _Desk:
    """What gepa calls an adapter: asks, scores, and puts failures into words."""

    propose_new_texts = None

    def __init__(
        self, start: Candidate, desk: Desk, pool: Sequence[Sample], judged: Sequence[Sample]
    ) -> None:
        self._start = start
        self._desk = desk
        self._pool = pool
        self._judged = judged
        self._longest = max((*judged, *pool), key=lambda sample: _length(start, sample))
        self._marks: dict[tuple[str, str], Mark] = {}
        self._fits = {start.lead.instruction: True}
        self._used, self._idle = -1, 0
        self.error: Exception | None = None
        self.written = 0

    @property
    def long(self) -> int:
        """Instructions with which prompts do not fit."""
        return sum(not fits for fits in self._fits.values())

    def candidate(self, text: str) -> Candidate:
        """The prompt with this instruction."""
        if text == self._start.lead.instruction:
            return self._start
        lead = with_instruction(self._start.lead, text, self._pool)
        return Candidate(lead, origin="instruction found by gepa")

    def trial(self, texts: Mapping[str, str]) -> Trial:
        """What was seen of a prompt on the dev samples, up to the first that was not asked."""
        trial = self._desk.trial(self.candidate(texts[NAME]))
        for sample in self._judged:
            mark = self._marks.get((texts[NAME], sample.id))
            if mark is None:
                break
            trial.marks.append(mark)
        return trial

    def evaluate(
        self,
        batch: list[Sample],
        candidate: dict[str, str],
        capture_traces: bool = False,  # noqa: FBT001, FBT002 - gepa's own form
    ) -> Any:
        """Answers and scores; what is not answered any more counts as wrong."""
        text = candidate[NAME]
        try:
            cases, note = self._cases(text, batch)
        except Exception as error:
            self.error = error
            raise
        self._marks |= {(text, case.sample.id): case.mark for case in cases}
        unasked = [Case(sample, "", Mark(0.0), note) for sample in batch[len(cases) :]]
        cases = [*cases, *unasked]
        return gepa.EvaluationBatch(
            outputs=[case.answer for case in cases],
            scores=[case.value or 0.0 for case in cases],
            trajectories=cases if capture_traces else None,
        )

    def _cases(self, text: str, batch: list[Sample]) -> tuple[list[Case], str]:
        candidate = self.candidate(text)
        if text not in self._fits:
            self._fits[text] = self._desk.fits(candidate, [self._longest])
        if not self._fits[text]:
            return [], "the prompt is too long for the model"
        return self._desk.cases(candidate, batch), "not asked"

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],  # noqa: ARG002 - gepa's own form
        eval_batch: Any,
        components_to_update: list[str],
    ) -> dict[str, list[dict[str, str]]]:
        """What gepa shows to the model that writes."""
        told = [
            {
                "Inputs": case.sample.input,
                "Generated Outputs": case.answer,
                "Feedback": _feedback(case),
            }
            for case in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, told)

    def write(self, prompt: str | list[dict[str, Any]]) -> str:
        """What the writing model says to a prompt of gepa's; empty when it may not be asked."""
        text = prompt if isinstance(prompt, str) else str(prompt[-1]["content"])
        asked = Prompt(
            sample_id="(improving an instruction)", messages=(Message(role="user", content=text),)
        )
        try:
            done = self._desk.reflect(asked, WRITTEN_TOKENS)
        except Exception as error:
            self.error = error
            raise
        self.written += done is not None
        return done.text if done else ""

    def is_spent(self, state: Any) -> bool:
        """Whether to stop: no call is left, something failed, or rounds pass without a call.

        gepa asks before each round.
        """
        del state
        self._idle = self._idle + 1 if self._desk.used == self._used else 0
        self._used = self._desk.used
        return self._desk.left < 1 or self.error is not None or self._idle >= IDLE_BORNE


def optimised(
    start: Candidate,
    desk: Desk,
    parts: tuple[Sequence[Sample], Sequence[Sample]],
    *,
    seed: int,
) -> Found:
    """The best instruction that gepa finds with the desk's calls.

    `parts` are the samples to learn from and those to judge on. Gepa itself searches by the mean of
    scores; which of its prompts is best, a metric of totals decides by its own value. Raises what
    the model raises.
    """
    pool, judged = parts
    adapter = _Desk(start, desk, pool, judged)
    result = gepa.optimize(
        seed_candidate={NAME: start.lead.instruction},
        trainset=list(pool),
        valset=list(judged),
        adapter=adapter,
        reflection_lm=adapter.write,
        reflection_minibatch_size=min(LEARNT_FROM, len(pool)),
        max_metric_calls=desk.calls,
        stop_callbacks=[adapter.is_spent, gepa.ScoreThresholdStopper(TOP)],
        logger=_Silence(),
        cache_evaluation=False,  # it takes a train sample for the dev sample of the same place
        track_best_outputs=False,
        raise_on_exception=False,
        seed=seed,
    )
    if adapter.error is not None:
        raise adapter.error
    trials = [adapter.trial(texts) for texts in result.candidates]
    whole = [trial for trial in trials[1:] if len(trial.marks) == len(judged)]
    best = max([trials[0], *whole], key=lambda trial: trial.value())
    shown = (trials[0], *(trial for trial in trials[1:] if trial.marks))
    return Found(shown, best, adapter.written, adapter.long)


def _length(start: Candidate, sample: Sample) -> int:
    return sum(len(turn.content) for turn in start.prompt(sample, None).messages)


def _feedback(case: Case) -> str:
    note = f" ({case.note})" if case.note else ""
    return f"Score {case.value or 0.0:.2f}{note}. The right answer is: {case.sample.target}"
