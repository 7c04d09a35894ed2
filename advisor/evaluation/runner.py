"""The one way a system is measured: prompts in fixed batches, journalled answers, scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from advisor.artifacts import digest_of
from advisor.contracts import Metric, PromptBuilder, Session
from advisor.errors import (
    AdvisorError,
    BackendResponseError,
    BackendTimeoutError,
    DatasetError,
    PluginContractError,
    StaleArtifactError,
)
from advisor.evaluation.bench import MAX_FAILED_SHARE, Bench
from advisor.evaluation.identity import by_id
from advisor.evaluation.journal import Answered, Header, Journal, Setting, read
from advisor.evaluation.scoring import evaluation, has_failed, manifest
from advisor.schema.evaluation import Completion, Evaluation, Prompt, Sample


class Reply(NamedTuple):
    """A completion, and whether it stands for an exception of the backend."""

    completion: Completion
    raised: bool = False


def evaluate(
    bench: Bench, name: str, builder: PromptBuilder, samples: Sequence[Sample]
) -> Evaluation:
    """A fitted builder's scores on the samples, continued from the journal where there is one.

    Journalled batches are not asked again, unless the backend raised; when all are there, the
    session is not touched beyond its `model_digest`. The metric is not part of the journal: scores
    are computed from the stored answers each time.

    Raises BackendResponseError when more than a fifth of the samples got no answer, DatasetError
    when there is no sample or two have one id, PluginContractError when the metric is a loss.
    """
    _refuse_losses(bench.metric)
    by_id(samples)
    if not samples:
        raise DatasetError(
            f"There is no sample to evaluate {name} on.",
            hint="Add labelled samples, so that some can be set aside for testing.",
        )
    header = _header(bench, builder, samples)
    journal = Journal(bench.journal(name), header)
    answers = journal.resume()
    _refuse_failures(answers, len(samples))
    _start(bench, name, done=len(answers), total=len(samples))
    try:
        for number, batch in _batches(samples, bench.settings.batch_size, done=len(answers)):
            fresh = _answer(bench, builder, batch, number)
            _refuse_failures([*answers, *fresh], len(samples))
            journal.append(fresh)
            answers += fresh
            bench.progress.advance(len(batch))
    finally:
        bench.progress.finish()
    return evaluation(name, bench.metric, samples, answers, manifest(header, bench.metric))


def _start(bench: Bench, name: str, *, done: int, total: int) -> None:
    """Open the line on the screen; what an earlier run did must not count into its rate."""
    if 0 < done < total:
        bench.progress.start(f"{name} (from {done} of {total})", total - done)
    else:
        bench.progress.start(name, total)
        bench.progress.advance(done)


def rescore(journal: Path, *, name: str, metric: Metric, samples: Sequence[Sample]) -> Evaluation:
    """A finished journal's answers under another metric; no model is called.

    Raises StaleArtifactError when the journal is unfinished or was made from other samples,
    PluginContractError when the metric is a loss.
    """
    _refuse_losses(metric)
    header, answers = read(journal)
    if header.samples_digest != _samples_digest(samples) or len(answers) != len(samples):
        raise StaleArtifactError(
            f"{journal.name} does not hold an answer to each of the {len(samples)} samples.",
            hint="Run `advisor baseline` on this data to finish it.",
            where=str(journal),
        )
    return evaluation(name, metric, samples, answers, manifest(header, metric))


def _refuse_losses(metric: Metric) -> None:
    """Best, gain and target all read a higher score as better."""
    if not metric.info.higher_is_better:
        raise PluginContractError(
            f"The metric {metric.info.id} says that lower is better, which is not supported.",
            hint="Turn it round, for example into 1 minus the error, so that 1 is perfect.",
            where=f"metric {metric.info.id}",
        )


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
    replies = _generate(bench.session, prompts, bench.settings.max_new_tokens)
    return [
        Answered(batch=number, prompt=prompt, completion=reply.completion, raised=reply.raised)
        for prompt, reply in zip(prompts, replies, strict=True)
    ]


def _generate(session: Session, prompts: list[Prompt], max_new_tokens: int) -> list[Reply]:
    """Completions of a batch; when the batch fails, of each prompt alone."""
    try:
        completions = session.generate(prompts, max_new_tokens=max_new_tokens)
    except Exception as error:  # a backend may raise anything; what is not of one prompt goes on
        if not _concerns_one_prompt(error):
            raise
        if len(prompts) == 1:
            return [Reply(_failed(error), raised=True)]
        return [
            reply for prompt in prompts for reply in _generate(session, [prompt], max_new_tokens)
        ]
    if len(completions) != len(prompts):
        raise BackendResponseError(
            f"The backend answered {len(completions)} of {len(prompts)} prompts.",
            hint="A backend must answer every prompt of a batch, in order.",
        )
    return [Reply(completion) for completion in completions]


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
    failed = [answer for answer in answers if has_failed(answer.completion)]
    if len(failed) <= MAX_FAILED_SHARE * total:
        return
    error = BackendResponseError(
        f"{len(failed)} of {total} samples got no answer, more than "
        f"{MAX_FAILED_SHARE:.0%}; the first said: {failed[0].completion.error}",
        hint="Mend the cause and run the same command again; finished batches are kept.",
    )
    error.may_pass = any(answer.raised for answer in failed)
    raise error
