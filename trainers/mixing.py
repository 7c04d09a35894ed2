"""General data among the training samples, against forgetting: how much and which."""

from __future__ import annotations

import random

from advisor.schema.evaluation import Sample
from advisor.schema.mixture import Mixture, wanted_rows
from advisor.schema.train import TrainJob


def wanted(job: TrainJob, rows: int) -> int:
    """General rows beside so many of the task, so that they are the plan's share of all."""
    return wanted_rows(job.plan.general_share, rows)


def in_order(job: TrainJob) -> list[Sample]:
    """The general samples in the order in which they are taken; the plan's seed decides it.

    Nothing where the plan has no share for them.
    """
    if not job.plan.general_share:
        return []
    general = job.general_samples
    return random.Random(job.plan.seed).sample(general, len(general))  # noqa: S311 - no secret


def taken(job: TrainJob) -> tuple[Sample, ...]:
    """General samples beside the training samples: the plan's share of all, or as many as are."""
    return tuple(in_order(job)[: wanted(job, len(job.train_samples))])


def mixture(job: TrainJob, rows: int, *, fitting: int | None = None) -> Mixture:
    """What is mixed in beside so many rows of the task.

    `fitting` general samples make a row of the plan's sequence length; None: each one does.
    """
    general = len(job.general_samples)
    return Mixture(
        share=job.plan.general_share,
        rows=rows,
        general=general,
        too_long=0 if fitting is None else general - fitting,
        sequence_length=job.plan.sequence_length,
    )
