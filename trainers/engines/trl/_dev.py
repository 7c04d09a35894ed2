"""The mean loss on the dev split: did training learn anything that other rows show?"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from trainers.engines.trl._rows import IGNORED, Row

MOST_DEV_SAMPLES = 64
"""So many are looked at, which keeps both looks short beside the training."""


def dev_loss(model: Any, rows: Sequence[Row]) -> float | None:
    """Mean cross-entropy in nats over the completions' tokens; None without rows.

    Dropout is off and no random number is drawn, so that training goes on as if nobody had looked.
    """
    if not rows:
        return None
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            sums = [_row_loss(model, row) for row in rows]
    finally:
        model.train(was_training)
    return sum(loss for loss, _ in sums) / sum(count for _, count in sums)


def _row_loss(model: Any, row: Row) -> tuple[float, int]:
    """Summed loss of one completion and its number of tokens."""
    device = next(model.parameters()).device
    answer = torch.tensor([label for label in row["labels"] if label != IGNORED], device=device)
    count = len(answer)
    ids = torch.tensor([row["input_ids"]], device=device)
    more = {"logits_to_keep": count + 1} if _keeps_few_logits(model) else {}
    logits = model(input_ids=ids, use_cache=False, **more).logits[0, -count - 1 : -1]
    loss = torch.nn.functional.cross_entropy(logits.float(), answer, reduction="sum")
    return float(loss), count


def _keeps_few_logits(model: Any) -> bool:
    """Whether the model can leave out the logits of the prompt, which nobody reads here."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(type(base).forward).parameters
