"""What tuning cost the model of what it knew: the loss on general samples before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.schema.train import TrainJob
from trainers.engines.trl._build import Ready
from trainers.engines.trl.objectives._general import general_rows
from trainers.engines.trl.objectives._losses import mean_loss

LEAST_LENGTH = 256
"""Tokens of a probe row that are read even where the task's rows are shorter."""
FORGOTTEN_NATS = 0.1
"""A rise that is told: the model is then a tenth less sure of each token of general text
(perplexity times 1.105). By judgement: a fifth of the rise at which the embedded model had lost
four in ten of the answers that were probed (benchmarks/forgetting/measure.py)."""


def probe_of(job: TrainJob, ready: Ready) -> Callable[[Any], float | None]:
    """Takes the trainer, gives the mean loss in nats per token on the probe.

    None without a probe, and for a model that gives a score and no text.
    """
    if ready.course.head == "score":
        return lambda _trainer: None
    length = max(job.plan.sequence_length, LEAST_LENGTH)
    rows = general_rows(job.probe_samples, ready.tokenizer, length)
    return lambda trainer: mean_loss(trainer, rows)


def forgotten(before: float | None, after: float | None) -> tuple[str, ...]:
    """A remark where the loss on general samples rose by more than a tenth of a nat."""
    if before is None or after is None or after - before <= FORGOTTEN_NATS:
        return ()
    rose = f"the loss on general samples rose from {before:.3f} to {after:.3f} nats per token"
    way = "Mix in general data (--general-data), or tune less: a lower rank or rate, fewer epochs."
    return (f"Tuning cost general ability: {rose}. {way}",)
