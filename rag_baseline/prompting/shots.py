"""Solved samples that a prompt shows before the question: the most similar, or always the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from advisor.contracts import Tools
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from rag_baseline.predicting.labelled import SampleVectors, in_order
from rag_baseline.predicting.neighbour import nearest

POOL = 5000
"""Train samples among which shots are chosen, at most."""


class Shots:
    """Chooses among train samples; one is never its own shot."""

    def __init__(self, train: Sequence[Sample], tools: Tools, *, similar: bool) -> None:
        """Raises DatasetError when there is no train sample to show."""
        if not train:
            raise DatasetError(
                "Shots are train samples, and there is none.",
                hint="Add labelled samples, or take rag instead of rag_few_shot.",
            )
        self._pool = in_order(train, tools.seed)[:POOL]
        self._inputs = Counter(_letters(sample.input) for sample in self._pool)
        self._vectors = SampleVectors()
        self._rows: Any = None
        if similar:
            self._vectors.by(tools.embedder)
            self._rows = self._vectors.of(self._pool)

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed several questions together, for speed alone."""
        if self._rows is not None and samples:
            self._vectors.of(samples)

    def of(self, sample: Sample, count: int) -> list[Sample]:
        """Up to `count` shots, the most similar first; never the sample or one with its input."""
        own = _letters(sample.input)
        if self._rows is None:
            ranked: Sequence[int] = range(len(self._pool))
        else:
            spare = count + 1 + self._inputs[own]
            ranked = nearest(self._rows, self._vectors.of([sample]), spare)[0]
        found = (self._pool[at] for at in ranked)
        return [s for s in found if s.id != sample.id and _letters(s.input) != own][:count]


def _letters(text: str) -> str:
    """Letters and digits alone: what two inputs share that differ in case and marks."""
    return "".join(filter(str.isalnum, text.casefold()))
