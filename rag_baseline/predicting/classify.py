"""A small model of its own: logistic regression on the sentence embeddings of labelled samples."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Self

from advisor.contracts import Embedder, PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Completion, Sample
from advisor.schema.predicted import answered, need_samples
from rag_baseline.options import Reader, number_from, one_of, read_options
from rag_baseline.predicting.labelled import SampleVectors, embedder_name, in_order, need_labels

PENALTY = 0.05
"""Strength of the penalty on weights (1 / C): unit vectors of a few hundred dimensions call for a
weak one. Of 1, 0.1, 0.05, 0.02, 0.005 the best on the whole on a part of banking77's train split,
with 1, 5 and 50 samples a label."""
PENALTIES = (1.0, 0.3, 0.1, PENALTY, 0.02, 0.005)
ROUNDS = 1000
FOLDS = 3
FEWEST = 30
"""Samples, of labels that stand `FOLDS` times or more, that a choice of the penalty is made on."""
MOST = 1000
"""Samples that suffice for the choice: the best penalty hardly moves with their number."""
OPTIONS: dict[str, Reader] = {
    "penalty": number_from(1e-6, 1e6),
    "targets": one_of("check", "labels"),
}


class EmbeddingClassifier:
    """Answers with the label that texts like this one had; no language model is asked.

    Options: `penalty` instead of a chosen one; `targets=labels` where the targets are known to be
    labels, however few samples each has.
    """

    info = PluginInfo(
        id="embedding_classifier",
        label="logistic regression on embeddings",
        extra="rag",
        approach="small_model",
        needs=("labels",),
        cost_rank=-10,
    )

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        penalty: float | None = None,
        targets: str = "check",
    ) -> None:
        self._embedder = embedder
        self._penalty = penalty
        self._targets = targets
        self._vectors = SampleVectors()
        self._model: Any = None
        self._only = ""
        self._settings: dict[str, str | int | float | bool] = {}

    def configured(self, options: Mapping[str, str]) -> Self:
        """With these options; raises InputError for an unknown or wrong one."""
        given = read_options("embedding_classifier", options, OPTIONS)
        return type(self)(
            self._embedder,
            penalty=given.get("penalty", self._penalty),
            targets=given.get("targets", self._targets),
        )

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the answers, for the manifest."""
        return dict(self._settings)

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; the choice is made on train
        tools: Tools,
    ) -> None:
        """Learn the targets as labels.

        Raises DatasetError without a sample or where the targets are no labels, MissingExtraError.
        """
        need_samples(train, "A classifier")
        if self._targets == "check":
            need_labels(train)
        embedder = self._embedder or tools.embedder
        self._vectors.by(embedder)
        ordered = in_order(train, tools.seed)
        labels = [sample.target for sample in ordered]
        self._model, self._only = None, labels[0]
        penalty, chosen_on = self._penalty or PENALTY, 0
        if len(set(labels)) > 1:
            rows = self._vectors.of(ordered)
            if self._penalty is None:
                penalty, chosen_on = chosen_penalty(rows, labels)
            self._model = _fitted(rows, labels, penalty)
        self._settings = {
            "embedder": embedder_name(embedder),
            "labels": len(set(labels)),
            "penalty": penalty,
            "penalty_chosen_on": chosen_on,
        }

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """The likeliest label of each sample, in order."""
        began = time.perf_counter()
        labels = [self._only] * len(samples)
        if self._model is not None and samples:
            rows = self._vectors.of(samples)
            labels = [str(label) for label in self._model.predict(rows)]
        return answered(labels, began)


def chosen_penalty(rows: Any, labels: Sequence[str]) -> tuple[float, int]:
    """The penalty for these samples and how many decided it.

    Cross-validated; the usual one stays unless another is right more often by over one standard
    error of the paired difference, so that chance does not choose.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    parts = _folds(labels)
    places = np.flatnonzero(parts >= 0)
    if len(places) < FEWEST:
        return PENALTY, 0
    targets = np.asarray(labels)
    right = {
        penalty: _held_out(rows[places], targets[places], parts[places], penalty)
        for penalty in PENALTIES
    }
    best = max(PENALTIES, key=lambda penalty: (right[penalty].sum(), penalty == PENALTY, penalty))
    gain = right[best].astype(int) - right[PENALTY].astype(int)
    error = float(gain.std()) / sqrt(len(places))
    return (best if gain.mean() > error else PENALTY), len(places)


def _folds(labels: Sequence[str]) -> Any:
    """The fold of every sample, in proportion within each label; -1 for those left out."""
    import numpy as np  # noqa: PLC0415 - heavy

    totals = Counter(labels)
    share = min(1.0, MOST / len(labels))
    seen: Counter[str] = Counter()
    parts = []
    for label in labels:
        seen[label] += 1
        kept = max(FOLDS, round(share * totals[label]))
        is_in = totals[label] >= FOLDS and seen[label] <= kept
        parts.append(seen[label] % FOLDS if is_in else -1)
    return np.asarray(parts)


def _held_out(rows: Any, labels: Any, parts: Any, penalty: float) -> Any:
    """Whether each sample is answered right by what learnt from the other folds."""
    import numpy as np  # noqa: PLC0415 - heavy

    right: Any = np.zeros(len(labels), dtype=bool)
    for part in range(FOLDS):
        asked = parts == part
        learnt = labels[~asked]
        if not asked.any():
            continue
        if len(set(learnt)) < 2:
            right[asked] = labels[asked] == learnt[0]
            continue
        model = _fitted(rows[~asked], learnt, penalty)
        right[asked] = model.predict(rows[asked]) == labels[asked]
    return right


def _fitted(rows: Any, labels: Any, penalty: float) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy, optional
    except ImportError as error:
        raise MissingExtraError("The embedding classifier", "rag") from error
    model = LogisticRegression(C=1 / penalty, max_iter=ROUNDS)
    with warnings.catch_warnings():  # few samples of many labels are what a curve begins with
        warnings.filterwarnings("ignore", message="The number of unique classes")
        return model.fit(rows, labels)
