"""The run's metric for a trainer that looks at the dev split: free of money, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from advisor.contracts import Judging, Metric, PromptBuilder
from advisor.evaluation.also import value_of
from advisor.evaluation.scoring import score
from advisor.schema.evaluation import Completion, Prompt, Sample, Score
from advisor.schema.train import TrainJob, looked_at
from advisor.training_set import fitted

if TYPE_CHECKING:
    from advisor.contracts.world import Generate
    from advisor.workspace import Workspace


class DevScoring:
    """Scores answers to dev samples as verification will (contracts.Scoring)."""

    def __init__(
        self,
        metric: Metric,
        dev: Sequence[Sample],
        builder: Callable[[], PromptBuilder],
        max_new_tokens: int,
    ) -> None:
        """`builder` is asked for when a prompt is first needed; `dev` is all that is looked at."""
        self._metric = metric
        self._dev = tuple(dev)
        self._make_builder = builder
        self._max_new_tokens = max_new_tokens

    @property
    def metric(self) -> str:
        """Its name."""
        return self._metric.info.id

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return self._metric.info.higher_is_better

    @cached_property
    def _builder(self) -> PromptBuilder:
        return self._make_builder()

    @cached_property
    def _prompts(self) -> list[Prompt]:
        return [self._builder.build(sample) for sample in self._dev]

    def values(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        """What each text is worth as an answer to its sample; 0 where it cannot be scored."""
        prompts = [self._builder.build(sample) for sample in samples]
        answers = [
            Completion(text=text, prompt_tokens=0, completion_tokens=0, latency_ms=0.0)
            for text in texts
        ]
        found = self._scores(prompts, answers, samples)
        return [0.0 if one.unscored else one.value for one in found]

    def dev_value(self, generate: Generate) -> float | None:
        """The metric over answers to the dev samples; None without any that can be scored."""
        if not self._dev:
            return None
        answers = generate(self._prompts, self._max_new_tokens)
        found = [s for s in self._scores(self._prompts, answers, self._dev) if not s.unscored]
        return self._whole(found) if found else None

    def _scores(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[Completion],
        samples: Sequence[Sample],
    ) -> list[Score]:
        rows = zip(prompts, answers, samples, strict=True)
        return [score(self._metric, *row) for row in rows]

    def _whole(self, found: Sequence[Score]) -> float:
        """A mean, or what the metric makes of summed totals."""
        of_totals = value_of(self._metric)
        if of_totals is None:
            return fmean(one.value for one in found)
        summed: dict[str, float] = {}
        for one in found:
            for name, amount in one.totals.items():
                summed[name] = summed.get(name, 0.0) + amount
        return of_totals(summed)


def dev_scoring(space: Workspace, job: TrainJob) -> DevScoring | None:
    """The run's metric over the dev samples that a job's loss is looked at on (`looked_at`).

    Prompts are those that verification asks: plain, or with the shots that training saw. Answers
    marked as bad, which verification leaves out, have no value here. None for a metric that asks a
    judge: at every look that would cost money, or a second model's memory.
    """
    if isinstance(space.metric, Judging):
        return None
    own = {sample.id: sample for sample in space.samples if sample.split == "dev"}
    drawn = [one for one in looked_at(job.dev_samples, job.plan.seed) if one.id in own]
    on_shots = any(one != own[one.id] for one in drawn)
    return DevScoring(
        space.metric,
        [own[one.id] for one in drawn],
        lambda: fitted(space, "few_shot" if on_shots else "zero_shot"),
        space.settings.max_new_tokens,
    )
