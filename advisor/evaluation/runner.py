"""The one way a system is measured: prompts, kept answers, scores; to the end or until decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, cast

from advisor.contracts import Judging, PromptBuilder, Retrieving
from advisor.errors import (
    BackendResponseError,
    DatasetError,
    PluginContractError,
)
from advisor.evaluation.asking import Setting, has_failed
from advisor.evaluation.bench import MAX_FAILED_SHARE, Bench
from advisor.evaluation.identity import by_id
from advisor.evaluation.judging import judge_scores
from advisor.evaluation.question import Question, question_of, value_that_stands
from advisor.evaluation.scoring import Ended, clusters_of, evaluation, latency, manifest, score
from advisor.evaluation.stopping import fair_order
from advisor.schema.evaluation import Completion, Evaluation, Latency, Prompt, Sample, Stopping

FEWEST_SEEN = 20
"""Answers that are waited for before their failures are judged, where there are so many to ask."""
FEWEST_WATCHED = 40
"""Samples below which no evaluation is ended early: what tuning may gain is read off the score, so
that deciding about the target alone is not enough (half a 90 % interval is 13 points at 40)."""
PREPARED_AT_ONCE = 256
"""Samples whose questions are embedded together."""


class Prepared(NamedTuple):
    """A system ready to be asked: its prompts, and the answers that are kept already."""

    name: str
    builder: PromptBuilder
    samples: Sequence[Sample]
    prompts: Sequence[Prompt]
    known: Mapping[int, Completion]
    building_ms: Sequence[float] = ()
    """What each prompt took to build; questions embedded together share that time equally."""

    @property
    def missing(self) -> list[Prompt]:
        """Prompts that nobody has answered yet."""
        return [prompt for at, prompt in enumerate(self.prompts) if at not in self.known]


def prepare(bench: Bench, name: str, builder: PromptBuilder, samples: Sequence[Sample]) -> Prepared:
    """A fitted builder's prompts for the samples, mixed where it may end early; asks no model.

    Raises DatasetError when there is no sample or two have one id, PluginContractError when the
    metric is a loss or needs a judge and there is none.
    """
    refuse_metric(bench)
    by_id(samples)
    if not samples:
        raise DatasetError(
            f"There is no sample to evaluate {name} on.",
            hint="Add labelled samples, so that some can be set aside for testing.",
        )
    samples = _in_fair_order(bench, samples)
    prompts, took = _built(builder, samples)
    return Prepared(name, builder, samples, prompts, bench.asker.known(prompts), took)


def evaluate(
    bench: Bench, name: str, builder: PromptBuilder, samples: Sequence[Sample]
) -> Evaluation:
    """A fitted builder's scores on the samples; what `prepare` and `measure` raise."""
    return measure(bench, prepare(bench, name, builder, samples))


def measure(bench: Bench, ready: Prepared) -> Evaluation:
    """The scores of a prepared system; answers that are kept are not asked for again.

    When all are there, the session is not touched beyond its `model_digest`. Where the bench
    watches a target, samples are asked in their order until it is decided. Raises
    BackendResponseError when more than a fifth of the samples that were asked got no answer or
    could not be scored, or the cap let nothing be asked.
    """
    before = bench.asker.events
    run = _Run(bench, ready, question_of(bench, ready.name, ready.samples))
    _start(bench, ready)
    try:
        run.ask()
    finally:
        bench.progress.finish()
    answers = run.answered()
    if not answers:
        raise BackendResponseError(
            f"{ready.name}: the cap of {bench.purse.cap_usd:g} dollars left nothing to ask with.",
            hint="Raise --budget-usd; what was answered is kept.",
        )
    ended = Ended(
        why=_why(run),
        planned=len(ready.samples),
        stopping=_stopping(run),
        events=_since(before, bench.asker.events),
        groups=clusters_of(ready.samples),
    )
    settings: dict[str, Setting] = dict(getattr(ready.builder, "settings", {}))
    samples = ready.samples[: len(answers)]
    prompts = ready.prompts[: len(answers)]
    conditions = manifest(bench, ready.builder.info.id, settings, samples=len(answers))
    scores = judge_scores(bench, prompts, answers, samples)
    found = evaluation(bench, ready.name, (prompts, answers, samples), conditions, ended, scores)
    info = ready.builder.info
    told = {
        "approach": info.approach,
        "cost_rank": info.cost_rank,
        "story": tuple(getattr(ready.builder, "story", ())),
        "tried": tuple(getattr(ready.builder, "trace", ())),
        "building_ms": _building_ms(ready, len(answers)),
    }
    return found.model_copy(update=told)


def _building_ms(ready: Prepared, count: int) -> Latency | None:
    return latency(ready.building_ms[:count]) if isinstance(ready.builder, Retrieving) else None


class _Run:
    """One system while it is being asked."""

    def __init__(self, bench: Bench, ready: Prepared, question: Question | None) -> None:
        self.bench = bench
        self.ready = ready
        self.question = question
        self.found: dict[int, Completion] = {}
        self.failed: list[Completion] = []
        self._seen = 0
        self._gave_up = False

    @property
    def _fail_too_often(self) -> bool:
        """Whether too many of the samples that came back have no answer."""
        return len(self.failed) > MAX_FAILED_SHARE * len(self.found)

    @property
    def decided(self) -> bool:
        """Whether the watched question is answered, by as many samples as a score needs."""
        if self.question is None:
            return False
        watch = self.question.watch
        return watch.items - watch.skipped >= FEWEST_WATCHED and watch.decision != "undecided"

    def ask(self) -> None:
        """Ask until all is answered, decided, paid up, or hopeless; raises when hopeless."""
        window = 2 * self.bench.settings.batch_size if self.question else None
        replies = self.bench.asker.ask(
            self.ready.prompts,
            known=self.ready.known,
            window=window if self.ready.missing else len(self.ready.prompts),
            halted=lambda: self._gave_up or self.decided,
        )
        fewest = min(FEWEST_SEEN, len(self.ready.samples))
        for at, completion in replies:
            self.found[at] = completion
            if has_failed(completion):
                self.failed.append(completion)
            if at not in self.ready.known:  # repeats of a prompt that was asked in this run too
                self.bench.progress.advance()
            self._look()
            if len(self.found) >= fewest and self._fail_too_often:
                self._gave_up = True
        if self._gave_up or self._fail_too_often:
            self._give_up()

    def answered(self) -> list[Completion]:
        """Completions of the samples from the first on, up to the first that was not asked.

        After a halt some later ones may have come in: which of them did hangs on their length, so
        that they would colour the score.
        """
        answers = []
        for at in range(len(self.ready.samples)):
            if at not in self.found or (self.decided and at >= self._seen):
                break
            answers.append(self.found[at])
        return answers

    def _look(self) -> None:
        """Show the watch what is new, in the order of the samples."""
        if self.question is None:
            return
        while self._seen in self.found and not self.decided:
            at = self._seen
            shown = score(
                self.bench.metric,
                self.ready.prompts[at],
                self.found[at],
                self.ready.samples[at],
            )
            self.question.add(shown.sample_id, value_that_stands(shown, self.found[at]))
            self._seen += 1

    def _give_up(self) -> None:
        error = BackendResponseError(
            f"{len(self.failed)} of the first {len(self.found)} samples got no answer, more than "
            f"{MAX_FAILED_SHARE:.0%}; the first said: {self.failed[0].error}",
            hint="Mend the cause and run the same command again; answers are kept.",
        )
        error.may_pass = any(completion.may_pass for completion in self.failed)
        raise error


def refuse_metric(bench: Bench) -> None:
    """Raise PluginContractError for a metric that cannot decide which system is best.

    Best, gain and target all read a higher score from 0 to 1 as better.
    """
    info = bench.metric.info
    if not info.higher_is_better or info.unit:
        raise PluginContractError(
            f"The metric {info.id} says that lower is better or counts in {info.unit or 'units'}, "
            "which cannot decide which system is best.",
            hint=f"Give it with --also {info.id}, and decide by a share from 0 to 1.",
            where=f"metric {info.id}",
        )
    for metric in (bench.metric, *bench.also):
        if isinstance(metric, Judging) and bench.judge is None:
            raise PluginContractError(
                f"The metric {metric.info.id} asks a judge, and there is none.",
                hint="Name one with --judge-model.",
                where=f"metric {metric.info.id}",
            )


def _built(builder: PromptBuilder, samples: Sequence[Sample]) -> tuple[list[Prompt], list[float]]:
    """The prompts, and the milliseconds that each took."""
    prepare_all = cast(
        "Callable[[Sequence[Sample]], None] | None", getattr(builder, "prepare", None)
    )
    prompts: list[Prompt] = []
    took: list[float] = []
    for start in range(0, len(samples), PREPARED_AT_ONCE):
        some = samples[start : start + PREPARED_AT_ONCE]
        began = time.perf_counter()
        if prepare_all is not None:
            prepare_all(some)
        share = (time.perf_counter() - began) / len(some)
        for sample in some:
            began = time.perf_counter()
            prompts.append(builder.build(sample))
            took.append(1000 * (share + time.perf_counter() - began))
    return prompts, took


def _in_fair_order(bench: Bench, samples: Sequence[Sample]) -> Sequence[Sample]:
    """An order of which every beginning stands for the whole, where the end may come early."""
    is_watched = bench.watched_target is not None or bench.watched_rival is not None
    if not is_watched and bench.purse.cap_usd is None:
        return samples
    labels = clusters_of(samples) or [""] * len(samples)
    return [samples[at] for at in fair_order(labels, seed=bench.settings.seed)]


def _start(bench: Bench, ready: Prepared) -> None:
    """Open the line on the screen; what an earlier run did must not count into its rate."""
    total, done = len(ready.prompts), len(ready.known)
    if 0 < done < total:
        bench.progress.start(f"{ready.name} (from {done} of {total})", total - done)
    else:
        bench.progress.start(ready.name, total)
        bench.progress.advance(done)


def _why(run: _Run) -> Literal["all", "decided", "budget"]:
    if len(run.answered()) == len(run.ready.samples):
        return "all"
    return "decided" if run.decided else "budget"


def _stopping(run: _Run) -> Stopping | None:
    if run.question is None:
        return None
    return run.question.watch.stopping(
        run.question.words, rival=run.question.rival_name, saved_usd=_saved_usd(run)
    )


def _saved_usd(run: _Run) -> float | None:
    """What the samples left out would have cost at the mean price of those asked."""
    paid = [c.usd for c in run.answered() if c.usd is not None]
    if not paid:
        return None
    return sum(paid) / len(paid) * (len(run.ready.samples) - len(run.answered()))


def _since(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    changed = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: count for name, count in sorted(changed.items()) if count}
