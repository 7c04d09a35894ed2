"""Whether 16-bit weights move at all when they are stepped, or each step is rounded away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback

from trainers.engines.trl._traceless import own_part

MOST_STILL = 0.5
"""Share of the weights with a gradient that one step may leave bit for bit as they were."""
READY = 0.5
"""Share of the highest learning rate that a step is judged at: the warming up says nothing."""
TENSORS, ENTRIES = 64, 4096
"""So many tensors are looked at, spread evenly, and so many of each one's entries."""
FEWEST = 100
"""Below so many weights with a gradient nothing is said."""
COARSE = (torch.bfloat16, torch.float16)


class Moving(TrainerCallback):  # type: ignore[misc]
    """Compares weights before and after one step, and says so once where most stay."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.notes: tuple[str, ...] = ()
        self._before: list[tuple[Any, torch.Tensor, torch.Tensor]] = []
        self.still: float | None = None
        """The share that stayed, once it was looked at."""

    def on_pre_optimizer_step(
        self, args: Any, *_: Any, model: Any = None, optimizer: Any = None, **__: Any
    ) -> None:
        """Remember some of the weights that have a gradient."""
        rate = max(float(group["lr"]) for group in optimizer.param_groups)
        if self.still is None and rate >= READY * args.learning_rate:
            self._before = [(p, _some(p.detach()), _some(p.grad) != 0) for p in _coarse(model)]

    def on_optimizer_step(self, args: Any, *_: Any, **__: Any) -> None:
        """Count those that are the same."""
        if not self._before:
            return
        pairs = [(reached, _some(p.detach()) == was) for p, was, reached in self._before]
        self._before = []
        reached = sum(int(one.sum()) for one, _ in pairs)
        self.still = sum(int((one & same).sum()) for one, same in pairs) / max(1, reached)
        if reached >= FEWEST and self.still > MOST_STILL:
            note = (
                f"{self.still:.0%} of the trained 16-bit weights stayed bit for bit the same in a"
                f" step at learning rate {args.learning_rate:g}: most of what is learnt is rounded"
                " away. Train them in 32 bits and compute in 16 (--trained-precision float32"
                " --compute-precision bfloat16), use lora, or raise the learning rate."
            )
            self.notes = (note,)
            self._say(note)


def _coarse(model: Any) -> list[Any]:
    """Some of the trained 16-bit tensors with a gradient."""
    found = [
        p
        for p in model.parameters()
        if p.requires_grad and p.dtype in COARSE and p.grad is not None
    ]
    return found[:: max(1, len(found) // TENSORS)]


def _some(tensor: Any) -> torch.Tensor:
    """Some entries of this process's part, copied."""
    flat = own_part(tensor).reshape(-1)
    return flat[:: max(1, flat.numel() // ENTRIES)].clone()
