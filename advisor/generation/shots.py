"""Few-shot prompting that gains from more samples: it shows those most like the question."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import Metric
from advisor.data_check.shingles import similarity, words
from advisor.errors import BackendResponseError
from advisor.evaluation.asking import Asker
from advisor.evaluation.scoring import score
from advisor.generation.requests import answering
from advisor.generation.sources import SHOWN, Sources
from advisor.schema.evaluation import Prompt, Sample


class NearestShots:
    """Few-shot prompting with the samples most like the question, which more samples make liker."""

    name = "few-shot with the nearest shots"

    def __init__(self, sources: Sources, asker: Asker, metric: Metric) -> None:
        self._sources = sources
        self._asker = asker
        self._metric = metric
        self.metric_id = metric.info.id
        self.is_binary = metric.info.binary

    def scores(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[float]:
        """The metric's score of each dev sample.

        Raises BackendResponseError when the money does not last.
        """
        prompts = self.prompts(train, dev)
        found = dict(self._asker.ask(prompts))
        if len(found) < len(prompts):
            raise BackendResponseError(
                "The budget ended before the gain was measured.",
                hint="Run the same command with a larger --budget-usd; answers are kept.",
            )
        return [
            score(self._metric, prompt, found[place], sample).value
            for place, (prompt, sample) in enumerate(zip(prompts, dev, strict=True))
        ]

    def prompts(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[Prompt]:
        """One prompt for each dev sample."""
        bags = [(set(words(sample.input)), sample) for sample in train]

        def prompt(sample: Sample) -> Prompt:
            bag = set(words(sample.input))
            ranked = sorted(bags, key=lambda held: (-similarity(held[0], bag), held[1].id))
            shown = [held for _, held in ranked[:SHOWN]]
            return answering(
                self._sources, sample.input, shown=shown[::-1], passage=None, draw=0, temperature=0
            )

        return [prompt(sample) for sample in dev]
