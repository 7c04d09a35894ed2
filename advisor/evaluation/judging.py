"""Scores of metrics that must ask a model: the questions of all answers, asked together."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import Judging, Metric
from advisor.errors import BackendResponseError
from advisor.evaluation.asking import Asker, has_failed
from advisor.evaluation.bench import Bench
from advisor.evaluation.scoring import score
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


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
    rows = list(zip(prompts, answers, samples, strict=True))
    if not isinstance(metric, Judging) or judge is None:
        return [score(metric, *row) for row in rows]
    questions = [() if has_failed(row[1]) else metric.questions(*row) for row in rows]
    flat = [question for some in questions for question in some]
    replies = dict(judge.ask(flat))
    if len(replies) < len(flat):
        raise BackendResponseError(
            f"The judge answered {len(replies)} of {len(flat)} questions before the cap was"
            " reached.",
            hint="Raise --budget-usd; what was answered is kept.",
        )
    found, at = [], 0
    for (prompt, answer, sample), some in zip(rows, questions, strict=True):
        told = [replies[at + number] for number in range(len(some))]
        at += len(some)
        if some:
            found.append(metric.judged(told, answer, sample))
        else:
            found.append(score(metric, prompt, answer, sample))
    return found
