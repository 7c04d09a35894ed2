"""Test inputs that the train split already holds, which would make a score worthless."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.lines import counted, lines_of
from advisor.data_check.normal import input_key
from advisor.schema.dataset import Leakage, Problem
from advisor.schema.evaluation import Sample


def leaked(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Test samples whose normalised input is also in the train split."""
    held = tuple(samples)
    seen = {input_key(sample) for sample in held if sample.split == "train"}
    return tuple(s for s in held if s.split == "test" and input_key(s) in seen)


def find(samples: tuple[Sample, ...]) -> tuple[Leakage, tuple[Problem, ...]]:
    """How much of the given test split leaks, and the problem to show for it."""
    guilty = leaked(samples)
    tests = sum(sample.split == "test" for sample in samples)
    counts = Leakage(
        test_rows=tests, leaked_rows=len(guilty), share=len(guilty) / tests if tests else None
    )
    if not guilty:
        return counts, ()
    problem = Problem(
        code="leakage",
        severity="error",
        rows=lines_of(guilty),
        message=f"{len(guilty)} of {counted(tests, 'test row')} asking what a train row asks.",
        hint="Remove them from one of the two splits, or leave the split column out.",
    )
    return counts, (problem,)
