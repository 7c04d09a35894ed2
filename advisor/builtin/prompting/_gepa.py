"""The search of the package gepa, asking at our desk; the back room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gepa

from advisor.builtin.prompting.parts import with_instruction
from advisor.builtin.prompting.reflection import WRITTEN_TOKENS, Case
from advisor.builtin.prompting.trials import TOP, Candidate, Desk, Trial
from advisor.errors import AdvisorError
from advisor.schema.evaluation import Message, Prompt, Sample

NAME = "instruction"
LEARNT_FROM = 4
"""Train samples that are answered before each reflection, and again after it."""


class Found(NamedTuple):
    """The start and everything that was judged on all dev samples."""

    trials: tuple[Trial, ...]
    best: Trial
    written: int


class _Silence:
    """A log for nobody."""

    def log(self, message: str) -> None:
        """Say nothing."""


class _Desk:
    """What gepa calls an adapter: asks, scores, and puts failures into words."""

    propose_new_texts = None

    def __init__(self, start: Candidate, desk: Desk, pool: Sequence[Sample]) -> None:
        self._start = start
        self._desk = desk
        self._pool = pool
        self.error: AdvisorError | None = None
        self.written = 0

    def candidate(self, texts: Mapping[str, str]) -> Candidate:
        """The prompt with these texts."""
        text = texts[NAME]
        if text == self._start.lead.instruction:
            return self._start
        lead = with_instruction(self._start.lead, text, self._pool)
        return Candidate(lead, origin="instruction found by gepa")

    def evaluate(
        self,
        batch: list[Sample],
        candidate: dict[str, str],
        capture_traces: bool = False,  # noqa: FBT001, FBT002 - gepa's own form
    ) -> Any:
        """Answers and scores; what is not answered any more counts as wrong."""
        try:
            cases = self._desk.cases(self.candidate(candidate), batch)
        except AdvisorError as error:
            self.error = error
            raise
        unasked = [Case(sample, "", 0.0, "not asked") for sample in batch[len(cases) :]]
        cases = [*cases, *unasked]
        return gepa.EvaluationBatch(
            outputs=[case.answer for case in cases],
            scores=[case.value or 0.0 for case in cases],
            trajectories=cases if capture_traces else None,
        )

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
        except AdvisorError as error:
            self.error = error
            return ""
        self.written += done is not None
        return done.text if done else ""

    def is_spent(self, state: Any) -> bool:
        """Whether to stop: no call is left, or the service is down."""
        del state
        return self._desk.left < 1 or self.error is not None


def optimised(
    start: Candidate,
    desk: Desk,
    parts: tuple[Sequence[Sample], Sequence[Sample]],
    *,
    seed: int,
) -> Found:
    """The best instruction that gepa finds with the desk's calls.

    `parts` are the samples to learn from and those to judge on. Raises what the model raises.
    """
    pool, judged = parts
    adapter = _Desk(start, desk, pool)
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
        cache_evaluation=True,
        track_best_outputs=False,
        raise_on_exception=False,
        seed=seed,
    )
    if adapter.error is not None:
        raise adapter.error
    trials = tuple(
        Trial(adapter.candidate(texts), [scores[at] for at in range(len(judged))])
        for texts, scores in zip(result.candidates, result.val_subscores, strict=True)
    )
    return Found(trials, trials[result.best_idx], adapter.written)


def _feedback(case: Case) -> str:
    note = f" ({case.note})" if case.note else ""
    return f"Score {case.value or 0.0:.2f}{note}. The right answer is: {case.sample.target}"
