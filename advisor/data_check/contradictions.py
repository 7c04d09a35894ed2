"""Equal inputs with different targets: no model can get both right."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.normal import by_input, normalise
from advisor.schema.evaluation import Sample


def contradicting(samples: Iterable[Sample]) -> tuple[tuple[Sample, ...], ...]:
    """Groups of samples that ask the same and answer differently."""
    groups = by_input(samples).values()
    return tuple(tuple(g) for g in groups if len({normalise(s.target) for s in g}) > 1)
