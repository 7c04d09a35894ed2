"""Muon for the matrices, its work shared between the processes; AdamW does the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.pretrain_tiny.sharing import SharedSum

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrices: Tensor, steps: int = 5) -> Tensor:
    """Approximate the nearest orthogonal matrix of each matrix (Newton-Schulz, bfloat16)."""
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
    """Momentum whose update is orthogonalised; the processes share the matrices out."""

    def __init__(
        self,
        matrices: list[tuple[nn.Parameter, int]],
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        rank: int = 0,
        shared: SharedSum | None = None,
    ) -> None:
        self.matrices = matrices
        self.momentum, self.weight_decay = momentum, weight_decay
        self.rank, self.shared = rank, shared
        self.buffers = [torch.zeros_like(parameter) for parameter, _ in matrices]
        sizes = [parameter.numel() for parameter, _ in matrices]
        self._flat = torch.zeros(sum(sizes))
        parts = self._flat.split(sizes)
        self._updates = [part.view(p.shape) for part, (p, _) in zip(parts, matrices, strict=True)]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply one update and drop the gradients."""
        ranks = self.shared.ranks if self.shared else 1
        for index, ((parameter, blocks), buffer) in enumerate(
            zip(self.matrices, self.buffers, strict=True)
        ):
            gradient = parameter.grad
            if gradient is None:
                continue
            buffer.mul_(self.momentum).add_(gradient, alpha=1 - self.momentum)
            # spreads large and small matrices evenly over the processes
            if (index // 2 + index) % ranks != self.rank:
                self._updates[index].zero_()
                continue
            mixed = gradient * (1 - self.momentum) + buffer * self.momentum
            rows, columns = parameter.shape[0] // blocks, parameter.shape[1]
            update = orthogonalised(mixed.view(blocks, rows, columns)).reshape(parameter.shape)
            self._updates[index].copy_(update * max(1.0, rows / columns) ** 0.5)
        if self.shared:
            self.shared.add_up(self.rank, self._flat)
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
