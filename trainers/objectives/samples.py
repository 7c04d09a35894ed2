"""What objectives say about samples: none, without answers, too few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.schema.plan import Obstacle

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample


def none_given(samples: Sequence[Sample]) -> list[Obstacle]:
    """Nothing can be learnt from nothing."""
    if samples:
        return []
    return [
        Obstacle(
            severity="blocks",
            message="There are no samples to train on.",
            hint="Give a data file with --data.",
        )
    ]


def without_answers(samples: Sequence[Sample]) -> list[Obstacle]:
    """Samples whose reference answer is empty."""
    empty = sum(not sample.target.strip() for sample in samples)
    if not empty:
        return []
    return [
        Obstacle(
            severity="blocks" if empty == len(samples) else "warns",
            message=f"{empty} of {len(samples)} samples have no reference answer.",
            hint="Fill in the answers, or leave these samples out.",
        )
    ]


def too_few(samples: Sequence[Sample], least: int, label: str) -> list[Obstacle]:
    """Fewer samples than the objective usually needs."""
    if not samples or len(samples) >= least:
        return []
    return [
        Obstacle(
            severity="warns",
            message=f"{len(samples)} samples are few for {label}.",
            hint=f"Collect at least {least}.",
        )
    ]


def no_preferences(samples: Sequence[Sample], label: str, needed: str) -> list[Obstacle]:
    """Samples with one reference answer each, which no preference can be read from."""
    single = sum(sample.rejected is None for sample in samples)
    if not single:
        return []
    return [
        Obstacle(
            severity="blocks",
            message=f"{label} needs {needed}; {single} of {len(samples)} samples have one answer.",
            hint="Give rows with 'prompt', 'chosen' and 'rejected'.",
        )
    ]
