"""Muon for the matrices (the work shared between the processes), to be used beside AdamW for the rest."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrices: Tensor, steps: int = 5) -> Tensor:
    """Approximate the nearest orthogonal matrix of each matrix in a batch (Newton-Schulz, bfloat16)."""
    a, b, c = COEFFICIENTS
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if tall else x).float()


class Muon:
    """Momentum whose update is orthogonalised. Each process computes every n-th matrix; the sum is shared."""

    def __init__(self, matrices: list[tuple[nn.Parameter, int]], momentum: float = 0.95, weight_decay: float = 0.05,
                 rank: int = 0, world: int = 1) -> None:
        self.matrices = matrices
        self.momentum, self.weight_decay = momentum, weight_decay
        self.rank, self.world = rank, world
        self.buffers = [torch.zeros_like(parameter) for parameter, _ in matrices]
        sizes = [parameter.numel() for parameter, _ in matrices]
        self._flat = torch.zeros(sum(sizes))
        parts = self._flat.split(sizes)
        self._updates = [part.view(p.shape) for part, (p, _) in zip(parts, matrices, strict=True)]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply one update and drop the gradients."""
        for index, ((parameter, blocks), buffer) in enumerate(zip(self.matrices, self.buffers, strict=True)):
            gradient = parameter.grad
            assert gradient is not None
            buffer.mul_(self.momentum).add_(gradient, alpha=1 - self.momentum)
            # qkv and out cost as much as gate_up and down; neighbours alternate between the processes
            if (index // 2 + index) % self.world != self.rank:
                self._updates[index].zero_()
                continue
            mixed = gradient * (1 - self.momentum) + buffer * self.momentum
            rows, columns = parameter.shape[0] // blocks, parameter.shape[1]
            update = orthogonalised(mixed.view(blocks, rows, columns)).reshape(parameter.shape)
            self._updates[index].copy_(update * max(1.0, rows / columns) ** 0.5)
        if self.world > 1:
            dist.all_reduce(self._flat)
        for (parameter, _), update in zip(self.matrices, self._updates, strict=True):
            parameter.mul_(1 - rate * self.weight_decay).add_(update, alpha=-rate)
            parameter.grad = None

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Momentum buffers, for a checkpoint."""
        return {"buffers": self.buffers}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        """Restore momentum buffers."""
        for buffer, saved in zip(self.buffers, state["buffers"], strict=True):
            buffer.copy_(saved)
