"""Adds tensors up over the processes of one machine through shared memory."""

from __future__ import annotations

import torch
from torch import Tensor, multiprocessing


class SharedSum:
    """A meeting point: every process adds its tensor, every process gets the sum.

    Two buffers take turns, so one meeting a sum is enough: nobody can write into a buffer that
    another process still reads.
    """

    def __init__(self, ranks: int, size: int) -> None:
        self.ranks = ranks
        self._buffers = torch.zeros(2, ranks, size).share_memory_()
        self._barrier = multiprocessing.get_context("spawn").Barrier(ranks)
        self._turn = 0

    def add_up(self, rank: int, flat: Tensor) -> None:
        """Replace the tensor by the sum of all processes' tensors."""
        buffer = self._buffers[self._turn, :, : flat.numel()]
        self._turn = 1 - self._turn
        buffer[rank].copy_(flat)
        self._barrier.wait()
        torch.sum(buffer, 0, out=flat)
