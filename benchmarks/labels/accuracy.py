"""Shares of right answers with intervals: of one fit, and over several choices of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.contracts import Predictor, Tools
from advisor.schema.evaluation import Sample
from benchmarks.labels.rows import Rows, some_of_each

RESAMPLES = 2000
DRAWS = 5
PER_LABEL = (1, 5, 10, 20, 50)


def right(
    predictor: Predictor, train: Sequence[Sample], test: Sequence[Sample], tools: Tools
) -> Any:
    """1 for each test sample whose label is told right by what learnt from these, else 0."""
    predictor.fit(train, (), tools)
    told = [one.text for one in predictor.predict(test)]
    return np.asarray([text == sample.target for text, sample in zip(told, test, strict=True)])


def share(table: Any) -> dict[str, Any]:
    """Mean of a table of draws by samples, with a 95 % interval.

    Bootstrap over draws and samples together: both the choice of labels and that of the test
    samples could have been another.
    """
    draw = np.random.default_rng(0)
    draws, samples = table.shape
    means = [
        table[np.ix_(draw.integers(draws, size=draws), draw.integers(samples, size=samples))].mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "accuracy": round(float(table.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "draws": [round(float(row.mean()), 4) for row in table],
    }


def curve(predictor: Predictor, rows: Rows, tools: Tools) -> dict[str, dict[str, Any]]:
    """Accuracy by the number of samples a label, each with several choices of them."""
    found = {}
    for count in PER_LABEL:
        chosen = [some_of_each(rows.train, count, seed) for seed in range(DRAWS)]
        table = np.stack([right(predictor, train, rows.test, tools) for train in chosen])
        found[str(count)] = {"samples": len(chosen[0]), **share(table)}
    return found
