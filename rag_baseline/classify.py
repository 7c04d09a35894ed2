"""A small model of its own: logistic regression on the sentence embeddings of labelled samples."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

from advisor.contracts import Embedder, PluginInfo, Tools
from advisor.errors import DatasetError, MissingExtraError
from advisor.schema.evaluation import Completion, Sample
from rag_baseline.embed import SentenceTransformersEmbedder

PENALTY = 0.05
"""Strength of the penalty on weights (1 / C): unit vectors of a few hundred dimensions call for a
weak one. Of 1, 0.1, 0.05, 0.02, 0.005 the best on the whole on a part of banking77's train split,
with 1, 5 and 50 samples a label."""
ROUNDS = 1000


class EmbeddingClassifier:
    """Answers with the label that texts like this one had; no language model is asked.

    Every text is embedded once, however often the classifier is fitted anew.
    """

    info = PluginInfo(
        id="embedding_classifier", label="logistic regression on embeddings", extra="rag"
    )

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._vectors: dict[str, list[float]] = {}
        self._model: Any = None
        self._only = ""

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; nothing is chosen here
        tools: Tools,
    ) -> None:
        """Learn the targets as labels. Raises DatasetError without a sample, MissingExtraError."""
        if not train:
            raise DatasetError(
                "A classifier needs at least 1 labelled sample, got 0.",
                hint="Add labelled samples to the train split.",
            )
        labels = [sample.target for sample in train]
        self._model, self._only = None, labels[0]
        if len(set(labels)) > 1:
            self._model = _regression(tools.seed)
            vectors = self._embedded(train)
            with (
                warnings.catch_warnings()
            ):  # few samples of many labels are what a curve begins with
                warnings.filterwarnings("ignore", message="The number of unique classes")
                self._model.fit(vectors, labels)

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """The likeliest label of each sample, in order."""
        began = time.perf_counter()
        labels = [self._only] * len(samples)
        if self._model is not None and samples:
            labels = [str(label) for label in self._model.predict(self._embedded(samples))]
        spent = 1000 * (time.perf_counter() - began) / max(len(samples), 1)
        return [
            Completion(text=label, prompt_tokens=0, completion_tokens=0, latency_ms=spent, usd=0.0)
            for label in labels
        ]

    def _embedded(self, samples: Sequence[Sample]) -> Any:
        import numpy as np  # noqa: PLC0415 - heavy, wanted only when something is classified

        texts = list(dict.fromkeys(sample.input for sample in samples))
        missing = [text for text in texts if text not in self._vectors]
        if missing:
            embedder = self._embedder or SentenceTransformersEmbedder()
            self._vectors |= dict(zip(missing, embedder.embed(missing), strict=True))
        return np.asarray([self._vectors[sample.input] for sample in samples])


def _regression(seed: int) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy, optional
    except ImportError as error:
        raise MissingExtraError("The embedding classifier", "rag") from error
    return LogisticRegression(C=1 / PENALTY, max_iter=ROUNDS, random_state=seed)
