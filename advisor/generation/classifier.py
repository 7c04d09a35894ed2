"""A predictor as the cheapest system that learns from labels, fitted anew for each number."""

from __future__ import annotations

from collections.abc import Sequence

from advisor import registry
from advisor.contracts import Configurable, Predictor, Tools
from advisor.data_check.normal import normalise
from advisor.schema.evaluation import Sample


class Learner:
    """Right or wrong labels of a predictor.

    `scores` raises what the predictor raises, such as MissingExtraError.
    """

    metric_id = "accuracy"
    is_binary = True

    def __init__(self, predictor: Predictor, tools: Tools) -> None:
        self._predictor = predictor
        self._tools = tools

    @property
    def name(self) -> str:
        """The predictor's name in words."""
        return self._predictor.info.id.replace("_", " ")

    def scores(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[float]:
        """1 for each dev sample whose label is predicted right, else 0."""
        self._predictor.fit(train, (), self._tools)
        return [
            float(normalise(found.text) == normalise(sample.target))
            for found, sample in zip(self._predictor.predict(dev), dev, strict=True)
        ]


def labelled(name: str) -> Predictor:
    """The predictor of that name, told that targets are labels even where each stands only once."""
    found = registry.predictor(name)
    return found.configured({"targets": "labels"}) if isinstance(found, Configurable) else found
