"""Mean losses on rows that are not trained on; no random number is drawn."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from trainers.engines.trl._rows import IGNORED, Row

PIECE = 1024
"""Tokens whose logits are lifted to 32 bits at once."""


def mean_loss(trainer: Any, rows: Sequence[Row]) -> float | None:
    """Mean cross-entropy in nats over the tokens that are learnt from; None without rows.

    Dropout is off, so that training goes on as if nobody had looked.
    """
    sums = []
    with looking(trainer) as model:
        sums = [_row_loss(model, row) for row in rows]
    count = sum(tokens for _, tokens in sums)
    return sum(loss for loss, _ in sums) / count if count else None


@contextlib.contextmanager
def looking(trainer: Any) -> Iterator[Any]:
    """The trainer's model as it predicts, in the precision in which it trains."""
    model = trainer.model
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), trainer.accelerator.autocast():
            yield model
    finally:
        model.train(was_training)


def _row_loss(model: Any, row: Row) -> tuple[float, int]:
    """Summed loss of one row and the number of tokens that count in it."""
    device = next(model.parameters()).device
    labels = torch.tensor(row["labels"][1:], device=device)
    learnt = (labels != IGNORED).nonzero().flatten()
    if not len(learnt):
        return 0.0, 0
    kept = len(labels) - int(learnt[0])
    ids = torch.tensor([row["input_ids"]], device=device)
    more = {"logits_to_keep": kept + 1} if _keeps_few_logits(model) else {}
    logits = model(input_ids=ids, use_cache=False, **more).logits[0, -kept - 1 : -1]
    parts = zip(logits.split(PIECE), labels[-kept:].split(PIECE), strict=True)
    losses = [
        torch.nn.functional.cross_entropy(
            part.float(), wanted, reduction="sum", ignore_index=IGNORED
        )
        for part, wanted in parts
    ]
    return float(sum(losses)), len(learnt)


def longest_of(rows: Sequence[Row]) -> Sequence[Row]:
    """The longest row alone; none where there is none."""
    return sorted(rows, key=lambda row: -len(row["input_ids"]))[:1]


def _keeps_few_logits(model: Any) -> bool:
    """Whether the model can leave out the logits of the prompt, which nobody reads here."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(type(base).forward).parameters
