"""Answers as an evaluation: scores, interval, usage, latency, manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, quantiles
from typing import Literal, NamedTuple

from advisor.contracts import Metric, Signed, Totalling
from advisor.evaluation.asking import Setting, has_failed
from advisor.evaluation.bench import LEVEL, Bench
from advisor.evaluation.intervals import score_interval
from advisor.evaluation.stopping import at_the_end, interval_at_any_end, last_level
from advisor.schema.evaluation import (
    Completion,
    Evaluation,
    Latency,
    Manifest,
    MetricValue,
    Prompt,
    Sample,
    Score,
    ScoredSample,
    Stopping,
    Usage,
)
from advisor.secrets import masked

Answered = tuple[Sequence[Prompt], Sequence[Completion], Sequence[Sample]]


class Ended(NamedTuple):
    """How an evaluation came to its end."""

    why: Literal["all", "decided", "budget"] = "all"
    planned: int = 0
    stopping: Stopping | None = None
    events: Mapping[str, int] = {}


def manifest(
    bench: Bench, builder: str, builder_settings: Mapping[str, Setting], *, samples: int
) -> Manifest:
    """The conditions of a bench and of a builder."""
    chosen = bench.settings
    shown: dict[str, Setting] = {
        "max_new_tokens": chosen.max_new_tokens,
        "batch_size": chosen.batch_size,
        **chosen.notes,
        **chosen.decides,
        **{f"{builder}.{key}": value for key, value in builder_settings.items()},
    }
    return Manifest(
        dataset_digest=chosen.dataset_digest,
        split=chosen.split,
        samples=samples,
        backend=chosen.backend,
        model=chosen.model,
        model_digest=bench.session.model_digest,
        metric=bench.metric.info.id,
        metric_signature=signature(bench.metric),
        seed=chosen.seed,
        settings=shown,
    )


def signature(metric: Metric) -> str:
    """What decides a metric's values; its id where it says nothing."""
    return metric.signature if isinstance(metric, Signed) else metric.info.id


def score(metric: Metric, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
    """A metric's score of one answer; 0 where there is none.

    Secrets are masked in the answer already, and so they are in the reference.
    """
    if has_failed(completion):
        totals = {}
        if isinstance(metric, Totalling):
            totals = metric.score(prompt, completion.model_copy(update={"text": ""}), sample).totals
        return Score(sample_id=sample.id, value=0.0, note="no answer", totals=totals)
    target = masked(sample.target)
    if target != sample.target:
        sample = sample.model_copy(update={"target": target})
    return metric.score(prompt, completion, sample)


def evaluation(
    bench: Bench,
    name: str,
    answered: Answered,
    conditions: Manifest,
    ended: Ended,
    found: Mapping[str, Sequence[Score]],
) -> Evaluation:
    """Scores of all answers; a sample without one counts as 0 and has no latency."""
    prompts, completions, samples = answered
    main = found[bench.metric.info.id]
    scores = tuple(
        ScoredSample(
            sample_id=sample.id,
            value=one.value,
            completion=completion.model_copy(update={"cached": False}),
            shots=prompt.shots,
            passages=prompt.passages,
            totals=one.totals,
            note=one.note,
            group=sample.group or sample.document,
        )
        for prompt, completion, sample, one in zip(prompts, completions, samples, main, strict=True)
    )
    clusters, stopping = clusters_of(samples), ended.stopping
    value, interval, method = score_interval(
        scores,
        is_binary=bench.metric.info.binary,
        clusters=clusters,
        value_of=_value_of(bench.metric),
        seed=conditions.seed,
        level=LEVEL if stopping is None else last_level(stopping.error_rate),
    )
    if ended.why == "decided":
        method = "confidence sequence"
        interval = interval_at_any_end([score.value for score in scores], groups=clusters)
    elif stopping is not None:
        method += ", widened for having been watched"
        interval = interval.model_copy(update={"level": LEVEL})
        if bench.watched_target is not None:
            stopping = at_the_end(stopping, interval)
    return Evaluation(
        builder=name,
        metric=bench.metric.info.id,
        value=value,
        interval=interval,
        interval_method=method,
        n=len(scores),
        usage=usage(completions),
        latency_ms=latency([c.latency_ms for c in completions if not has_failed(c)]),
        failures=sum(has_failed(c) for c in completions),
        may_pass=sum(c.may_pass for c in completions),
        scores=scores,
        manifest=conditions,
        also=tuple(
            _beside(metric, scores, found[metric.info.id], clusters, conditions.seed)
            for metric in bench.also
        ),
        stopping=stopping,
        ended=ended.why,
        planned=ended.planned,
        events=dict(ended.events),
    )


def clusters_of(samples: Sequence[Sample]) -> list[str] | None:
    """What samples share that makes their scores hang together; None where they share nothing."""
    named = [sample.group or sample.document for sample in samples]
    if not any(named) or len(set(named)) == len(named):
        return None
    return [name or f"\0{sample.id}" for name, sample in zip(named, samples, strict=True)]


def _value_of(metric: Metric) -> Callable[[Mapping[str, float]], float] | None:
    return metric.value_of if isinstance(metric, Totalling) else None


def _beside(
    metric: Metric,
    scores: Sequence[ScoredSample],
    found: Sequence[Score],
    clusters: list[str] | None,
    seed: int,
) -> MetricValue:
    """A further metric over the same answers, with an interval where it is a share."""
    info = metric.info
    if info.unit:
        counted = [
            one.value
            for one, scored in zip(found, scores, strict=True)
            if not has_failed(scored.completion) and one.note != "unknown"
        ]
        return MetricValue(
            metric=info.id,
            value=fmean(counted) if counted else None,
            n=len(counted),
            unit=info.unit,
            signature=signature(metric),
        )
    rescored = [
        scored.model_copy(update={"value": one.value, "totals": one.totals})
        for one, scored in zip(found, scores, strict=True)
    ]
    value, interval, _ = score_interval(
        rescored,
        is_binary=info.binary,
        clusters=clusters,
        value_of=_value_of(metric),
        seed=seed,
        level=LEVEL,
    )
    return MetricValue(
        metric=info.id, value=value, interval=interval, n=len(found), signature=signature(metric)
    )


def usage(completions: Sequence[Completion]) -> Usage:
    """Tokens, calls and money of these answers, whoever paid for them first."""
    prices = [completion.usd for completion in completions]
    known = [usd for usd in prices if usd is not None]
    return Usage(
        prompt_tokens=sum(c.prompt_tokens for c in completions),
        completion_tokens=sum(c.completion_tokens for c in completions),
        usd=sum(known) if len(known) == len(prices) else None,
        calls=sum(c.attempts for c in completions),
        retries=sum(max(0, c.attempts - 1) for c in completions),
    )


def latency(milliseconds: Sequence[float]) -> Latency:
    """Quantiles over the samples that were answered; unknown when none was."""
    if not milliseconds:
        return Latency(p50=None, p95=None)
    if len(milliseconds) == 1:
        return Latency(p50=milliseconds[0], p95=milliseconds[0])
    cuts = quantiles(milliseconds, n=20, method="inclusive")
    return Latency(p50=cuts[9], p95=cuts[18])
