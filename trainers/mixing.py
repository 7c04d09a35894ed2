"""General data among the training samples, against forgetting: how much, which, in what order."""

from __future__ import annotations

import random
from collections.abc import Sequence

from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob


def wanted(rows: int, share: float) -> int:
    """General rows beside so many of the task, so that they are the share of all."""
    return round(rows * share / (1 - share))


def general_order(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """General samples in the order in which they are taken; the same for the same seed."""
    return random.Random(seed).sample(samples, len(samples))  # noqa: S311 - no secret


def mixed(job: TrainJob) -> tuple[Sample, ...]:
    """The job's training samples with general ones strewn among them, in an order of the seed.

    General samples are the plan's `general_share` of all, or as many as there are. Without a share
    or without general samples the training samples come back as they are.
    """
    count = wanted(len(job.train_samples), job.plan.general_share)
    general = general_order(job.general_samples, job.plan.seed)[:count]
    if not general:
        return job.train_samples
    every = [*job.train_samples, *general]
    random.Random(f"{job.plan.seed} mixed").shuffle(every)  # noqa: S311 - no secret
    return tuple(every)
