"""Journalled answers as an evaluation: scores, interval, usage, latency, manifest."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

from advisor.contracts import Metric, MetricInfo
from advisor.evaluation.bench import LEVEL, EvaluationSettings
from advisor.evaluation.intervals import mean_interval
from advisor.evaluation.journal import Answered, Header, Setting
from advisor.schema.evaluation import (
    Completion,
    Evaluation,
    Latency,
    Manifest,
    Sample,
    ScoredSample,
    Usage,
)


def has_failed(completion: Completion) -> bool:
    """Whether the sample got no answer."""
    return completion.finish == "error" or bool(completion.error)


def manifest(header: Header, metric: Metric) -> Manifest:
    """The conditions of a journal and the metric that scores it."""
    settings = EvaluationSettings.model_validate(header.conditions)
    shown: dict[str, Setting] = {
        "max_new_tokens": settings.max_new_tokens,
        "batch_size": settings.batch_size,
        "is_free": settings.is_free,
        **settings.notes,
        **{f"{header.builder}.{key}": value for key, value in header.builder_settings.items()},
    }
    return Manifest(
        dataset_digest=settings.dataset_digest,
        split=settings.split,
        samples=len(header.sample_ids),
        backend=settings.backend,
        model=settings.model,
        model_digest=header.model_digest,
        metric=metric.info.id,
        seed=settings.seed,
        settings=shown,
    )


def _score(metric: Metric, sample: Sample, answer: Answered) -> ScoredSample:
    failed = has_failed(answer.completion)
    value = 0.0 if failed else metric.score(answer.prompt, answer.completion, sample).value
    return ScoredSample(
        sample_id=sample.id,
        value=value,
        completion=answer.completion,
        shots=answer.prompt.shots,
        passages=answer.prompt.passages,
    )


def evaluation(
    name: str,
    metric: Metric,
    samples: Sequence[Sample],
    answers: Sequence[Answered],
    conditions: Manifest,
) -> Evaluation:
    """Scores of all answers; a sample without one counts as 0 and has no latency."""
    scores = tuple(_score(metric, s, a) for s, a in zip(samples, answers, strict=True))
    info: MetricInfo = metric.info
    value, interval = mean_interval(
        [score.value for score in scores], is_binary=info.binary, seed=conditions.seed, level=LEVEL
    )
    completions = [answer.completion for answer in answers]
    return Evaluation(
        builder=name,
        metric=info.id,
        value=value,
        interval=interval,
        n=len(scores),
        usage=Usage(
            prompt_tokens=sum(c.prompt_tokens for c in completions),
            completion_tokens=sum(c.completion_tokens for c in completions),
            usd=0.0 if conditions.settings.get("is_free") else None,
        ),
        latency_ms=latency([c.latency_ms for c in completions if not has_failed(c)]),
        failures=sum(has_failed(c) for c in completions),
        may_pass=sum(answer.raised for answer in answers),
        scores=scores,
        manifest=conditions,
    )


def latency(milliseconds: Sequence[float]) -> Latency:
    """Quantiles over the samples that were answered; unknown when none was."""
    if not milliseconds:
        return Latency(p50=None, p95=None)
    if len(milliseconds) == 1:
        return Latency(p50=milliseconds[0], p95=milliseconds[0])
    cuts = quantiles(milliseconds, n=20, method="inclusive")
    return Latency(p50=cuts[9], p95=cuts[18])
