"""What objectives say about samples: none, without answers, too few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.schema.plan import Obstacle

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

MOST_SAME = 0.1
"""Share of pairs that may prefer nothing before training refuses."""


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


def plain_texts(samples: Sequence[Sample]) -> list[Obstacle]:
    """Samples that ask nothing: texts to be continued."""
    texts = sum(not sample.input.strip() for sample in samples)
    if not texts:
        return []
    return [
        Obstacle(
            severity="blocks",
            message=f"{texts} of {len(samples)} samples are plain text and ask nothing.",
            hint="Learn plain text with the objective cpt, or give rows with input and target.",
        )
    ]


def bad_answers(samples: Sequence[Sample]) -> list[Obstacle]:
    """Samples whose answer is marked as bad: learnt from as if it were good."""
    bad = sum(sample.is_good is False for sample in samples)
    if not bad:
        return []
    return [
        Obstacle(
            severity="blocks",
            message=f"{bad} of {len(samples)} samples are marked as bad answers.",
            hint="Take them out, or learn from good and bad ones with the objective kto.",
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


def same_answers(samples: Sequence[Sample]) -> list[Obstacle]:
    """Pairs whose answers are the same: they prefer nothing."""
    same = sum(sample.rejected == sample.target for sample in samples)
    if not same:
        return []
    return [
        Obstacle(
            severity="blocks" if same > MOST_SAME * len(samples) else "warns",
            message=f"In {same} of {len(samples)} samples the chosen and the rejected answer are"
            " the same.",
            hint="Take these rows out: they prefer nothing.",
        )
    ]


def marks_alike(samples: Sequence[Sample]) -> list[Obstacle]:
    """Answers that are all good, or all bad: there is nothing to tell apart."""
    marks = {sample.is_good for sample in samples if sample.rejected is None}
    if len(marks) != 1 or None in marks or any(sample.rejected is not None for sample in samples):
        return []
    kind = "good" if True in marks else "bad"
    return [
        Obstacle(
            severity="blocks",
            message=f"All {len(samples)} answers are marked as {kind}.",
            hint="KTO learns from both kinds; good ones alone are learnt with the objective sft.",
        )
    ]


def no_marks(samples: Sequence[Sample]) -> list[Obstacle]:
    """Samples of which it is not known whether the answer is good."""
    unmarked = sum(sample.rejected is None and sample.is_good is None for sample in samples)
    if not unmarked:
        return []
    return [
        Obstacle(
            severity="blocks",
            message="KTO needs answers marked as good or bad;"
            f" {unmarked} of {len(samples)} samples have one answer.",
            hint="Give rows with 'prompt', 'completion' and 'label' (true or false), or with"
            " 'prompt', 'chosen' and 'rejected'.",
        )
    ]
