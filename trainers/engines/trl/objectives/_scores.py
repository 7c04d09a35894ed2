"""Score heads of reward models: found, and made to read in their own precision."""

from __future__ import annotations

from typing import Any

import torch

HEAD = "score"
"""What transformers calls the layer that makes one number of a text."""


def score_heads(model: Any) -> list[Any]:
    """The linear layers of the head: several where an adapter keeps a trained copy beside it."""
    return [
        module
        for name, module in model.named_modules()
        if HEAD in name.split(".") and isinstance(module, torch.nn.Linear)
    ]


def read_in_own_precision(head: Any) -> None:
    """Cast what the head is given: PEFT keeps a trained head in 32 bits over a 16-bit model."""
    if not getattr(head, "reads_in_own_precision", False):
        head.register_forward_pre_hook(_cast)
        head.reads_in_own_precision = True


def _cast(head: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return (given[0].to(head.weight.dtype), *given[1:])
