"""Inputs that stand in the file more than once."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.lines import counted, lines_of
from advisor.data_check.normal import by_input
from advisor.schema.dataset import Problem, Repeats
from advisor.schema.evaluation import Sample

SHARE_WORTH_A_WARNING = 0.1


def repeated(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Every sample whose normalised input an earlier one already had."""
    return tuple(sample for group in by_input(samples).values() for sample in group[1:])


def duplicate_share(samples: tuple[Sample, ...]) -> float | None:
    """Share of samples that repeat an earlier input; None without samples."""
    return len(repeated(samples)) / len(samples) if samples else None


def find(samples: tuple[Sample, ...]) -> tuple[Repeats, tuple[Problem, ...]]:
    """How much repeats, and the problem to show for it."""
    extra = repeated(samples)
    share = duplicate_share(samples) or 0.0
    groups = sum(len(group) > 1 for group in by_input(samples).values())
    counts = Repeats(rows=len(extra), share=share, groups=groups)
    if not extra:
        return counts, ()
    problem = Problem(
        code="duplicates",
        severity="warning" if share >= SHARE_WORTH_A_WARNING else "note",
        rows=lines_of(extra),
        message=f"{counted(len(extra), 'row')} of {len(samples)} repeating an input that stands"
        " earlier in the file.",
        hint="They stay together in one split; delete them to count every input once.",
    )
    return counts, (problem,)
