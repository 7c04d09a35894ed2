"""Always the most frequent target: what is right without looking at the question."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from advisor.contracts import PluginInfo, Tools
from advisor.schema.evaluation import Completion, Sample
from advisor.schema.predicted import answered, need_samples


class MajorityPredictor:
    """Answers every sample with the target that most train samples have."""

    info = PluginInfo(
        id="majority",
        label="always the most frequent target",
        approach="none",
        needs=("shots",),
        cost_rank=-40,
    )

    def __init__(self) -> None:
        self._target = ""
        self._share = 0.0

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the answers, for the manifest."""
        return {"share_of_train": round(self._share, 4)}

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name
        tools: Tools,  # noqa: ARG002 - the same
    ) -> None:
        """Count targets; of equally frequent ones the first of the alphabet.

        Raises DatasetError without a sample.
        """
        need_samples(train, "The most frequent target")
        counts = Counter(sample.target for sample in train)
        self._target = min(counts, key=lambda target: (-counts[target], target))
        self._share = counts[self._target] / len(train)

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """The same answer for each sample."""
        return answered([self._target] * len(samples), time.perf_counter())
