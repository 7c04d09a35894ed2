"""Equal inputs with different targets: no model can get both right."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.lines import counted, lines_of
from advisor.data_check.normal import by_input, normalise
from advisor.schema.dataset import Contradictions, Problem
from advisor.schema.evaluation import Sample


def contradicting(samples: Iterable[Sample]) -> tuple[tuple[Sample, ...], ...]:
    """Groups of samples that ask the same and answer differently."""
    groups = by_input(samples).values()
    return tuple(tuple(g) for g in groups if len({normalise(s.target) for s in g}) > 1)


def find(samples: tuple[Sample, ...]) -> tuple[Contradictions, tuple[Problem, ...]]:
    """How many inputs contradict themselves, and the problem to show for it."""
    groups = contradicting(samples)
    rows = [sample for group in groups for sample in group]
    counts = Contradictions(inputs=len(groups), rows=len(rows))
    if not groups:
        return counts, ()
    problem = Problem(
        code="contradictions",
        severity="warning",
        rows=lines_of(rows),
        message=f"{counted(len(groups), 'input')} with more than one target.",
        hint="Decide which target is right; a model cannot give both.",
    )
    return counts, (problem,)
