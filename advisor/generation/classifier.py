"""The cheapest system that learns from labels: logistic regression over sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor import registry
from advisor.data_check.near import asked
from advisor.data_check.normal import normalise
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Sample

ROUNDS = 1000


class EmbeddingClassifier:
    """Embeds each text once, however many sizes of training data it is measured on.

    Raises MissingExtraError where the embedding model or scikit-learn is not installed.
    """

    name = "embedding classifier"
    metric_id = "accuracy"
    is_binary = True

    def __init__(self) -> None:
        self._embedder = registry.embedder("sentence_transformers")
        self._known: dict[str, list[float]] = {}
        _regression()

    def scores(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[float]:
        """1 for each dev sample whose label is predicted right, else 0."""
        labels = [normalise(sample.target) for sample in train]
        if len(set(labels)) < 2:
            return [float(normalise(sample.target) == labels[0]) for sample in dev]
        model = _regression()
        model.fit(self._vectors(train), labels)
        found = model.predict(self._vectors(dev))
        return [
            float(label == normalise(sample.target))
            for label, sample in zip(found, dev, strict=True)
        ]

    def _vectors(self, samples: Sequence[Sample]) -> list[list[float]]:
        texts = [asked(sample) for sample in samples]
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            self._known |= dict(zip(fresh, self._embedder.embed(fresh), strict=True))
        return [self._known[text] for text in texts]


def _regression() -> Any:
    try:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy, and optional
    except ImportError as error:
        raise MissingExtraError("Measuring the gain by a classifier", "metrics") from error
    return LogisticRegression(max_iter=ROUNDS, class_weight="balanced")
