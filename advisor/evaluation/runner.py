"""The one way a system is measured: prompts in fixed batches, journalled answers, scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import cast

from advisor.artifacts import digest_of
from advisor.contracts import Metric, MetricInfo, PromptBuilder, Session
from advisor.errors import (
    AdvisorError,
    BackendResponseError,
    BackendTimeoutError,
    DatasetError,
    StaleArtifactError,
)
from advisor.evaluation.bench import LEVEL, MAX_FAILED_SHARE, Bench, EvaluationSettings
from advisor.evaluation.intervals import mean_interval
from advisor.evaluation.journal import Answered, Header, Journal, read
from advisor.schema.evaluation import (
    Completion,
    Evaluation,
    Latency,
    Manifest,
    Prompt,
    Sample,
    ScoredSample,
    Usage,
)

Setting = str | int | float | bool


def evaluate(
    bench: Bench, name: str, builder: PromptBuilder, samples: Sequence[Sample]
) -> Evaluation:
    """A fitted builder's scores on the samples, continued from the journal where there is one.

    Journalled batches are not asked again; when all are there, the session is not touched beyond
    its `model_digest`. The metric is not part of the journal: scores are computed from the stored
    answers each time.

    Raises BackendResponseError when more than a fifth of the samples got no answer, DatasetError
    when there is no sample.
    """
    if not samples:
        raise DatasetError(
            f"There is no sample to evaluate {name} on.",
            hint="Add labelled samples, so that some can be set aside for testing.",
        )
    header = _header(bench, builder, samples)
    journal = Journal(bench.journal(name), header)
    answers = journal.resume()
    _refuse_failures(answers, len(samples))
    bench.progress.start(name, len(samples))
    bench.progress.advance(len(answers))
    try:
        for number, batch in _batches(samples, bench.settings.batch_size, done=len(answers)):
            fresh = _answer(bench, builder, batch, number)
            _refuse_failures([*answers, *fresh], len(samples))
            journal.append(fresh)
            answers += fresh
            bench.progress.advance(len(batch))
    finally:
        bench.progress.finish()
    return _evaluation(name, bench.metric, samples, answers, _manifest(header, bench.metric))


def rescore(journal: Path, *, name: str, metric: Metric, samples: Sequence[Sample]) -> Evaluation:
    """A finished journal's answers under another metric; no model is called.

    Raises StaleArtifactError when the journal is unfinished or was made from other samples.
    """
    header, answers = read(journal)
    if header.samples_digest != _samples_digest(samples) or len(answers) != len(samples):
        raise StaleArtifactError(
            f"{journal.name} does not hold an answer to each of the {len(samples)} samples.",
            hint="Run `advisor baseline` on this data to finish it.",
            where=str(journal),
        )
    return _evaluation(name, metric, samples, answers, _manifest(header, metric))


def _header(bench: Bench, builder: PromptBuilder, samples: Sequence[Sample]) -> Header:
    return Header(
        builder=builder.info.id,
        builder_settings=_settings_of(builder),
        conditions=bench.settings.model_dump(mode="json"),
        model_digest=bench.session.model_digest,
        samples_digest=_samples_digest(samples),
        sample_ids=tuple(sample.id for sample in samples),
    )


def _settings_of(builder: PromptBuilder) -> dict[str, Setting]:
    """What a builder says decides its prompts; the member is optional in the contract."""
    return dict(getattr(builder, "settings", {}))


def _samples_digest(samples: Sequence[Sample]) -> str:
    fields = {"id", "input", "target", "history"}
    return digest_of([sample.model_dump(mode="json", include=fields) for sample in samples])


def _batches(
    samples: Sequence[Sample], size: int, *, done: int
) -> Iterator[tuple[int, Sequence[Sample]]]:
    for start in range(done, len(samples), size):
        yield start // size, samples[start : start + size]


def _answer(
    bench: Bench, builder: PromptBuilder, batch: Sequence[Sample], number: int
) -> list[Answered]:
    """One batch's prompts and completions; a prompt that cannot be answered fails alone."""
    prepare = cast("Callable[[Sequence[Sample]], None] | None", getattr(builder, "prepare", None))
    if prepare is not None:
        prepare(batch)
    prompts = [builder.build(sample) for sample in batch]
    completions = _generate(bench.session, prompts, bench.settings.max_new_tokens)
    return [
        Answered(batch=number, prompt=prompt, completion=completion)
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def _generate(session: Session, prompts: list[Prompt], max_new_tokens: int) -> list[Completion]:
    """Completions of a batch; when the batch fails, of each prompt alone."""
    try:
        completions = session.generate(prompts, max_new_tokens=max_new_tokens)
    except Exception as error:  # a backend may raise anything; what is not of one prompt goes on
        if not _concerns_one_prompt(error):
            raise
        if len(prompts) == 1:
            return [_failed(error)]
        return [
            completion
            for prompt in prompts
            for completion in _generate(session, [prompt], max_new_tokens)
        ]
    if len(completions) != len(prompts):
        raise BackendResponseError(
            f"The backend answered {len(completions)} of {len(prompts)} prompts.",
            hint="A backend must answer every prompt of a batch, in order.",
        )
    return completions


def _concerns_one_prompt(error: Exception) -> bool:
    """Bad credentials or a missing package concern every prompt; a time-out or crash need not."""
    passing = isinstance(error, (BackendTimeoutError, BackendResponseError))
    return passing or not isinstance(error, AdvisorError)


def _failed(error: Exception) -> Completion:
    return Completion(
        text="",
        prompt_tokens=0,
        completion_tokens=0,
        latency_ms=0,
        finish="error",
        error=f"{type(error).__name__}: {error}",
    )


def _refuse_failures(answers: Sequence[Answered], total: int) -> None:
    errors = [a.completion.error for a in answers if _has_failed(a.completion)]
    if len(errors) > MAX_FAILED_SHARE * total:
        raise BackendResponseError(
            f"{len(errors)} of {total} samples got no answer, more than "
            f"{MAX_FAILED_SHARE:.0%}; the first said: {errors[0]}",
            hint="Mend the cause and run the same command again; finished batches are kept.",
        )


def _has_failed(completion: Completion) -> bool:
    return completion.finish == "error" or bool(completion.error)


def _manifest(header: Header, metric: Metric) -> Manifest:
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
    failed = _has_failed(answer.completion)
    value = 0.0 if failed else metric.score(answer.prompt, answer.completion, sample).value
    return ScoredSample(
        sample_id=sample.id,
        value=value,
        completion=answer.completion,
        shots=answer.prompt.shots,
        passages=answer.prompt.passages,
    )


def _evaluation(
    name: str,
    metric: Metric,
    samples: Sequence[Sample],
    answers: Sequence[Answered],
    manifest: Manifest,
) -> Evaluation:
    scores = tuple(_score(metric, s, a) for s, a in zip(samples, answers, strict=True))
    info: MetricInfo = metric.info
    value, interval = mean_interval(
        [score.value for score in scores], is_binary=info.binary, seed=manifest.seed, level=LEVEL
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
            usd=0.0 if manifest.settings.get("is_free") else None,
        ),
        latency_ms=_latency([c.latency_ms for c in completions]),
        failures=sum(_has_failed(c) for c in completions),
        scores=scores,
        manifest=manifest,
    )


def _latency(milliseconds: Sequence[float]) -> Latency:
    if len(milliseconds) == 1:
        return Latency(p50=milliseconds[0], p95=milliseconds[0])
    cuts = quantiles(milliseconds, n=20, method="inclusive")
    return Latency(p50=cuts[9], p95=cuts[18])
