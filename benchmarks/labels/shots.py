"""What similarity-chosen shots are worth beside random ones, in a vote on the label.

Two questions. `vote`: how often is the label read off the shots right? The reader of similar shots
takes the label that most of them have (of equals the nearest one's); the reader of random shots is
given the best that can be read from them, the label of the most similar one. `label_shown`: how
often does the right label stand among the shots at all, so that a model could copy it?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from typing import Any

import numpy as np

from benchmarks.labels.accuracy import DRAWS, share
from rag_baseline.predicting.neighbour import nearest, voted

Shares = dict[str, dict[str, Any]]
"""By number of shots."""
Answers = dict[str, Shares]
"""By question."""
SIMILAR = (1, 3, 4, 5, 10)
RANDOM = (1, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def by_similar(train: Any, labels: Sequence[str], test: Any, truth: Sequence[str]) -> Answers:
    """Of the k most similar shots, by k."""
    found = nearest(train, test, max(SIMILAR))
    near = [[labels[place] for place in places] for places in found]
    pairs = list(zip(near, truth, strict=True))
    return {
        "vote": {
            str(k): share(np.asarray([[voted(each[:k]) == told for each, told in pairs]]))
            for k in SIMILAR
        },
        "label_shown": {
            str(k): share(np.asarray([[told in each[:k] for each, told in pairs]])) for k in SIMILAR
        },
    }


def by_random(train: Any, labels: Sequence[str], test: Any, truth: Sequence[str]) -> Answers:
    """Of so many random shots, the same for every question, by their number."""
    names, truths = np.asarray(labels), np.asarray(truth)
    alike = test @ train.T
    found: Answers = {"vote": {}, "label_shown": {}}
    for count in (number for number in RANDOM if number < len(labels)):
        draws = [_drawn(len(labels), count, seed) for seed in range(DRAWS)]
        told = [names[chosen[alike[:, chosen].argmax(axis=1)]] == truths for chosen in draws]
        shown = [np.isin(truths, names[chosen]) for chosen in draws]
        found["vote"][str(count)] = share(np.stack(told))
        found["label_shown"][str(count)] = share(np.stack(shown))
    return found


def _drawn(total: int, count: int, seed: int) -> Any:
    return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))


def equivalents(similar: Shares, random: Shares) -> dict[str, int | None]:
    """How many random shots are as good as k similar ones; None where no number tried is.

    Between two numbers the accuracy is taken to grow evenly with the logarithm of the number.
    """
    points = sorted((int(count), each["accuracy"]) for count, each in random.items())
    return {k: _reached(points, each["accuracy"]) for k, each in similar.items()}


def _reached(points: Sequence[tuple[int, float]], wanted: float) -> int | None:
    if points[0][1] >= wanted:
        return points[0][0]
    for (fewer, low), (more, high) in pairwise(points):
        if low < wanted <= high:
            part = (wanted - low) / (high - low)
            return round(exp(log(fewer) + part * (log(more) - log(fewer))))
    return None
