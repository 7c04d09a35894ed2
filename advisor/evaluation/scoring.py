"""Answers as an evaluation: scores, interval, usage, latency, manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Literal, NamedTuple

from advisor.contracts import Metric, Totalling
from advisor.errors import BackendResponseError
from advisor.evaluation.also import beside, signature, value_of
from advisor.evaluation.asking import Setting, has_failed
from advisor.evaluation.bench import LEVEL, MAX_FAILED_SHARE, Bench
from advisor.evaluation.intervals import score_interval
from advisor.evaluation.marks import as_seen_by
from advisor.evaluation.stopping import at_the_end, interval_at_any_end, last_level
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import (
    Completion,
    Evaluation,
    Latency,
    Manifest,
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
    groups: Sequence[str] | None = None
    """What each planned sample shares with others, in their order; None where they share nothing.
    """


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
    return metric.score(prompt, as_seen_by(metric, prompt, completion, sample), sample)


def evaluation(
    bench: Bench,
    name: str,
    answered: Answered,
    conditions: Manifest,
    ended: Ended,
    found: Mapping[str, Sequence[Score]],
) -> Evaluation:
    """Scores of all answers; a sample without one counts as 0 and has no latency.

    A sample that the metric could give no value counts neither way. Raises BackendResponseError
    when these are more than a fifth.
    """
    _, completions, samples = answered
    scores = scored(answered, found[bench.metric.info.id])
    unscored = sum(one.unscored for one in scores)
    if unscored > MAX_FAILED_SHARE * len(scores):
        raise _unscorable(bench.metric.info.id, name, scores)
    clusters = list(ended.groups[: len(samples)]) if ended.groups else None
    rated = _rated(bench, scores, ended)
    return Evaluation(
        builder=name,
        metric=bench.metric.info.id,
        value=rated.value,
        interval=rated.interval,
        interval_method=rated.method,
        n=len(scores) - unscored,
        usage=usage(completions),
        latency_ms=latency([c.latency_ms for c in completions if not has_failed(c)]),
        failures=sum(has_failed(c) for c in completions),
        may_pass=sum(c.may_pass for c in completions),
        scores=scores,
        manifest=conditions,
        also=tuple(
            beside(metric, scores, found[metric.info.id], clusters, conditions.seed)
            for metric in bench.also
        ),
        stopping=rated.stopping,
        ended=ended.why,
        planned=ended.planned,
        events=dict(ended.events),
        unscored=unscored,
        cut_answers=sum(c.finish == "length" for c in completions),
    )


def _unscorable(metric: str, name: str, scores: Sequence[ScoredSample]) -> BackendResponseError:
    without = [one for one in scores if one.unscored]
    why = without[0].note or "no reason was given"
    return BackendResponseError(
        f"{metric} could give {len(without)} of {len(scores)} answers of {name} no value, more than"
        f" {MAX_FAILED_SHARE:.0%}; the first because: {why}.",
        hint="Decide by another --metric, or name a judge that keeps to the form it is asked for;"
        " what was answered is kept.",
    )


def scored(answered: Answered, found: Sequence[Score]) -> tuple[ScoredSample, ...]:
    """Answers and what a metric gave them, line by line."""
    return tuple(
        ScoredSample(
            sample_id=sample.id,
            value=one.value,
            completion=completion.model_copy(update={"cached": False}),
            shots=prompt.shots,
            passages=prompt.passages,
            totals=one.totals,
            note=one.note,
            unscored=one.unscored,
            group=sample.group or sample.document,
        )
        for prompt, completion, sample, one in zip(*answered, found, strict=True)
    )


class _Rated(NamedTuple):
    """A main metric's value, how sure it is, and why it ended."""

    value: float
    interval: ConfidenceInterval
    method: str
    stopping: Stopping | None


def _rated(bench: Bench, scores: Sequence[ScoredSample], ended: Ended) -> _Rated:
    stopping = ended.stopping
    level = LEVEL if stopping is None else last_level((1 - LEVEL) / 2)
    value, interval, method = _interval(bench, scores, ended, level)
    if ended.why == "decided":
        seen = [None if score.unscored else score.value for score in scores]
        interval = interval_at_any_end(seen, groups=ended.groups)
        return _Rated(value, interval, "confidence sequence", stopping)
    if stopping is None:
        return _Rated(value, interval, method, None)
    interval = interval.model_copy(update={"level": LEVEL})
    if bench.watched_target is not None:
        standing = [
            score.model_copy(update={"unscored": True}) if score.completion.may_pass else score
            for score in scores
        ]
        last = interval
        if standing != list(scores):
            last = _interval(bench, standing, ended, level)[1]
        stopping = at_the_end(stopping, last)
    return _Rated(value, interval, f"{method}, widened for having been watched", stopping)


def _interval(
    bench: Bench, scores: Sequence[ScoredSample], ended: Ended, level: float
) -> tuple[float, ConfidenceInterval, str]:
    """Value of the samples that have one, its interval, and how that was made."""
    places = [at for at, score in enumerate(scores) if not score.unscored]
    return score_interval(
        [scores[at] for at in places],
        is_binary=bench.metric.info.binary,
        clusters=[ended.groups[at] for at in places] if ended.groups else None,
        value_of=value_of(bench.metric),
        seed=bench.settings.seed,
        level=level,
    )


def clusters_of(samples: Sequence[Sample]) -> list[str] | None:
    """What samples share that makes their scores hang together; None where they share nothing."""
    named = [sample.group or sample.document for sample in samples]
    if not any(named) or len(set(named)) == len(named):
        return None
    return [name or f"\0{sample.id}" for name, sample in zip(named, samples, strict=True)]


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
