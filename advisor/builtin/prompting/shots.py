"""Which solved samples are shown: drawn by chance, the rarest target first."""

from __future__ import annotations

import random
from collections.abc import Sequence

from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample

SHOTS = 4
MOST_SHOTS = 256


def choose_shots(train: Sequence[Sample], count: int, seed: int) -> tuple[Sample, ...]:
    """Up to `count` train samples in random order, no target twice while another is left.

    The choice depends on the samples and the seed, not on the order in which they are given.
    """
    pool = sorted(train, key=lambda sample: sample.id)
    random.Random(seed).shuffle(pool)  # noqa: S311 - repeatable choice, no secret
    shots: list[Sample] = []
    seen: dict[str, int] = {}
    while pool and len(shots) < count:
        pick = min(pool, key=lambda sample: seen.get(sample.target, 0))
        pool.remove(pick)
        shots.append(pick)
        seen[pick.target] = seen.get(pick.target, 0) + 1
    return tuple(shots)


def told(shots: Sequence[Sample]) -> str:
    """Shots as one text, for a digest of what is shown."""
    return "\n".join(f"{shot.id}\t{shot.input}\t{shot.target}" for shot in shots)


def refuse_no_shots(train: Sequence[Sample], builder: str) -> None:
    """Raises DatasetError when there is no train sample to show."""
    if not train:
        raise DatasetError(
            "Few-shot prompting needs at least 1 train sample, got 0.",
            hint=f"Add labelled samples, or leave {builder} out of --builders.",
        )
