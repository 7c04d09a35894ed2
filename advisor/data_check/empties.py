"""Targets that hold a stand-in where an answer should be."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.lines import counted, lines_of
from advisor.data_check.normal import normalise
from advisor.schema.dataset import Problem
from advisor.schema.evaluation import Sample

PLACEHOLDERS = frozenset({"-", "--", "?", "...", "n/a", "nan", "null", "none", "tbd", "todo"})
SHARE_OF_A_LABEL = 0.05
"""A stand-in this frequent is more likely a label that means "nothing"."""


def placeholders(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Samples whose target looks like a cell nobody filled in."""
    return tuple(sample for sample in samples if normalise(sample.target) in PLACEHOLDERS)


def find(samples: tuple[Sample, ...]) -> tuple[Problem, ...]:
    """The problem to show for targets that look unfilled."""
    guilty = placeholders(samples)
    if not guilty:
        return ()
    frequent = len(guilty) / len(samples) >= SHARE_OF_A_LABEL
    problem = Problem(
        code="placeholder_targets",
        severity="note" if frequent else "warning",
        rows=lines_of(guilty),
        message=f"{counted(len(guilty), 'target')} like a cell nobody filled in, such as"
        f" '{guilty[0].target.strip()}'.",
        hint="Fill them in or delete the rows, unless this is one of your labels.",
    )
    return (problem,)
