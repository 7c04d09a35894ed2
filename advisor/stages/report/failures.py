"""Answers of the best baseline and of the tuned model to the same samples, side by side."""

from __future__ import annotations

import random
from collections.abc import Sequence

from advisor.schema.evaluation import Evaluation, Sample, ScoredSample
from advisor.schema.report import Answer, FailureExample, Outcome

RIGHT = 1.0
"""A score from which on an answer counts as right."""
SHOWN: dict[Outcome, int] = {"broken": 5, "still_wrong": 5, "fixed": 3, "wrong": 8}
"""How many of each outcome are shown, in the order a sceptical reader wants them."""


def outcomes(
    best: Evaluation | None, tuned: Evaluation | None
) -> dict[Outcome, tuple[tuple[ScoredSample, ScoredSample | None], ...]]:
    """Samples by what tuning did to them; those right before and after are left out.

    Samples without a score of either system, and those that only one was asked, are left out where
    there are two systems.
    """
    found: dict[Outcome, list[tuple[ScoredSample, ScoredSample | None]]] = {}
    after = {s.sample_id: s for s in tuned.scores if not s.unscored} if tuned else {}
    for before in best.scores if best else ():
        now = after.get(before.sample_id)
        if before.unscored or (tuned is not None and now is None):
            continue
        outcome = _outcome(before, now)
        if outcome is not None:
            found.setdefault(outcome, []).append((before, now))
    return {name: tuple(found[name]) for name in SHOWN if name in found}


def _outcome(before: ScoredSample, now: ScoredSample | None) -> Outcome | None:
    was_right = before.value >= RIGHT
    if now is None:
        return None if was_right else "wrong"
    is_right = now.value >= RIGHT
    if is_right:
        return None if was_right else "fixed"
    return "broken" if was_right else "still_wrong"


def failures(
    best: Evaluation | None,
    tuned: Evaluation | None,
    samples: Sequence[Sample],
    *,
    seed: int = 0,
) -> tuple[FailureExample, ...]:
    """A few samples of each outcome: the worst answers first, among equals drawn by the seed."""
    known = {sample.id: sample for sample in samples}
    builder = best.builder if best else ""
    return tuple(
        _example(outcome, builder, pair, known.get(pair[0].sample_id))
        for outcome, pairs in outcomes(best, tuned).items()
        for pair in _worst(pairs, SHOWN[outcome], seed)
    )


def counted(best: Evaluation | None, tuned: Evaluation | None) -> dict[Outcome, int]:
    """How many samples of each outcome there are."""
    return {name: len(pairs) for name, pairs in outcomes(best, tuned).items()}


def _worst(
    pairs: Sequence[tuple[ScoredSample, ScoredSample | None]], shown: int, seed: int
) -> list[tuple[ScoredSample, ScoredSample | None]]:
    """A seeded draw keeps the first samples of the file from standing for all."""
    order = list(pairs)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    order.sort(key=lambda pair: min(one.value for one in pair if one is not None))
    return order[:shown]


def _example(
    outcome: Outcome,
    builder: str,
    pair: tuple[ScoredSample, ScoredSample | None],
    sample: Sample | None,
) -> FailureExample:
    before, now = pair
    return FailureExample(
        outcome=outcome,
        sample_id=before.sample_id,
        input=sample.input if sample else None,
        target=sample.target if sample else None,
        baseline=_answer(builder, before),
        tuned=_answer("tuned", now) if now else None,
    )


def _answer(system: str, scored: ScoredSample) -> Answer:
    told = scored.completion.error or scored.note
    return Answer(system=system, text=scored.completion.text, score=scored.value, note=told)
