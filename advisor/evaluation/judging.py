"""Scores of metrics that must ask a model: the questions of all answers, asked together."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import Judging, Metric
from advisor.evaluation.asking import Asker, has_failed
from advisor.evaluation.bench import Bench
from advisor.evaluation.marks import as_seen_by
from advisor.evaluation.scoring import score
from advisor.schema.evaluation import Completion, Prompt, Sample, Score
from advisor.schema.purse import Bill

VERDICT_CHARACTERS = 200
"""Assumed length of a verdict with its reason; the high end takes the longest allowed."""


def judge_scores(
    bench: Bench,
    prompts: Sequence[Prompt],
    answers: Sequence[Completion],
    samples: Sequence[Sample],
) -> dict[str, list[Score]]:
    """Scores by metric id, for the bench's metric and those beside it."""
    return {
        metric.info.id: _scores(metric, bench.judge, prompts, answers, samples)
        for metric in (bench.metric, *bench.also)
    }


def _scores(
    metric: Metric,
    judge: Asker | None,
    prompts: Sequence[Prompt],
    answers: Sequence[Completion],
    samples: Sequence[Sample],
) -> list[Score]:
    rows = [
        (prompt, as_seen_by(metric, prompt, answer, sample), sample)
        for prompt, answer, sample in zip(prompts, answers, samples, strict=True)
    ]
    if not isinstance(metric, Judging) or judge is None:
        return [score(metric, *row) for row in rows]
    questions = [() if has_failed(row[1]) else metric.questions(*row) for row in rows]
    flat = [question for some in questions for question in some]
    replies = dict(judge.ask(flat))
    found, at = [], 0
    for (prompt, answer, sample), some in zip(rows, questions, strict=True):
        told = [replies[place] for place in range(at, at + len(some)) if place in replies]
        at += len(some)
        if some and len(told) < len(some):
            note = "the cap on spending left it unjudged"
            found.append(Score(sample_id=sample.id, value=0.0, note=note, unscored=True))
        elif some:
            found.append(metric.judged(told, answer, sample))
        else:
            found.append(score(metric, prompt, answer, sample))
    return found


def judging_bill(bench: Bench, prompts: Sequence[Prompt], samples: Sequence[Sample]) -> Bill:
    """What judging answers to these prompts is to cost, by reference answers in their place."""
    if bench.judge is None:
        return Bill(price=None, calls_planned=0, calls_cached=0)
    asked = [
        question
        for metric in (bench.metric, *bench.also)
        if isinstance(metric, Judging)
        for prompt, sample in zip(prompts, samples, strict=True)
        for question in metric.questions(prompt, _stand_in(sample), sample)
    ]
    return bench.judge.purse.bill(
        asked,
        cached=0,
        answer_characters=VERDICT_CHARACTERS,
        max_new_tokens=bench.judge.conditions.max_new_tokens,
    )


def _stand_in(sample: Sample) -> Completion:
    return Completion(text=sample.target, prompt_tokens=0, completion_tokens=0, latency_ms=0)
