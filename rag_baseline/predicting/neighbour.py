"""The plainest way to learn: the answer of the labelled samples that are most alike."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

from advisor.contracts import Embedder, PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Completion, Sample
from advisor.schema.predicted import answered, need_samples
from rag_baseline.options import Reader, read_options, whole_from
from rag_baseline.predicting.labelled import SampleVectors, embedder_name, in_order

CHOICES = (1, 3, 5, 7, 11, 15, 25)
"""Numbers of neighbours of which one is chosen."""
MOST = 1000
"""Train samples, each left out once, that suffice to choose among them."""
BLOCK = 512
"""Samples compared with all labelled ones at once."""
DECIMALS = 5
"""Similarities closer than this are ties: one text embedded in two batches differs by less."""
OPTIONS: dict[str, Reader] = {"neighbours": whole_from(1, 1000)}


class NearestNeighbour:
    """Votes of the most similar train samples; their number is chosen by leaving one out.

    Where every target is its own, that is the target of the one most similar. Option:
    `neighbours` instead of a chosen number.
    """

    info = PluginInfo(
        id="nearest_neighbour",
        label="vote of the most similar samples",
        extra="rag",
        approach="small_model",
        needs=("shots",),
        cost_rank=-20,
    )

    def __init__(self, embedder: Embedder | None = None, *, neighbours: int | None = None) -> None:
        self._embedder = embedder
        self._wanted = neighbours
        self._vectors = SampleVectors()
        self._rows: Any = None
        self._targets: list[str] = []
        self._count = 1
        self._settings: dict[str, str | int | float | bool] = {}

    def configured(self, options: Mapping[str, str]) -> Self:
        """With these options; raises InputError for an unknown or wrong one."""
        given = read_options("nearest_neighbour", options, OPTIONS)
        return type(self)(self._embedder, neighbours=given.get("neighbours", self._wanted))

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
        """Keep the samples' vectors; raises DatasetError without a sample, MissingExtraError."""
        need_samples(train, "A vote of neighbours")
        embedder = self._embedder or tools.embedder
        self._vectors.by(embedder)
        ordered = in_order(train, tools.seed)
        try:
            self._rows = self._vectors.of(ordered)
        except ImportError as error:
            raise MissingExtraError("The nearest neighbour", "rag") from error
        self._targets = [sample.target for sample in ordered]
        asked = min(len(ordered), MOST)
        self._count = self._wanted or best_count(self._rows, self._targets, asked)
        self._settings = {
            "embedder": embedder_name(embedder),
            "neighbours": self._count,
            "neighbours_chosen_on": 0 if self._wanted else asked,
            "samples": len(ordered),
        }

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """What the neighbours of each sample vote for, in order."""
        began = time.perf_counter()
        if not samples:
            return []
        rows = self._vectors.of(samples)
        found = nearest(self._rows, rows, self._count)
        texts = [voted([self._targets[place] for place in places]) for places in found]
        return answered(texts, began)


def voted(targets: Sequence[str]) -> str:
    """The most frequent of targets that stand nearest first; of equals that of the nearest."""
    counts = Counter(targets)
    return max(counts, key=lambda target: (counts[target], -targets.index(target)))


def nearest(rows: Any, asked: Any, count: int, *, but_itself: bool = False) -> list[list[int]]:
    """Places of the most similar rows for each asked one, nearest first, ties in order.

    `but_itself`: the asked rows are the first of the rows, and none is its own neighbour.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    count = min(count, len(rows))
    found: list[list[int]] = []
    for start in range(0, len(asked), BLOCK):
        scores = np.round(asked[start : start + BLOCK] @ rows.T, DECIMALS)
        if but_itself:
            own = np.arange(len(scores))
            scores[own, start + own] = -np.inf
        found += [_best(line, count) for line in scores]
    return found


def best_count(rows: Any, targets: Sequence[str], asked: int) -> int:
    """How many neighbours are right most often for the first samples; the fewest of equals."""
    most = len(targets) - 1
    choices = [count for count in CHOICES if count <= most]
    if len(choices) < 2:
        return 1
    found = nearest(rows, rows[:asked], choices[-1], but_itself=True)
    right: Counter[int] = Counter()
    for target, places in zip(targets, found, strict=False):
        near = [targets[place] for place in places]
        for count in choices:
            right[count] += voted(near[:count]) == target
    return max(choices, key=lambda count: (right[count], -count))


def _best(scores: Any, count: int) -> list[int]:
    """Places of the highest scores, highest first, ties in order."""
    import numpy as np  # noqa: PLC0415 - heavy

    if count < len(scores):
        least = np.partition(scores, -count)[-count]
        places = np.flatnonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    ranked = places[np.argsort(-scores[places], kind="stable")]
    return [int(place) for place in ranked[:count]]
