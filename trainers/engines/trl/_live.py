"""Counts the storages that live while libraries work on tensors without content."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512
"""CUDA's allocator hands out multiples of so many bytes."""


class Live(TorchDispatchMode):  # type: ignore[misc]
    """Adds up what every operation allocates, until the last tensor on it is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.phase = "load"
        self.highest: dict[str, int] = {}
        """Phase -> most bytes alive at once."""
        self._sizes: dict[int, int] = {}

    def count(self, tensors: Iterable[torch.Tensor]) -> None:
        """Take tensors in that were made before; those known already count once."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key = storage._cdata  # noqa: SLF001 - the storage's identity, whatever wraps it
            if key in self._sizes:
                continue
            size = -(-storage.nbytes() // BLOCK) * BLOCK
            self._sizes[key] = size
            self.now += size
            weakref.finalize(storage, self._forget, key)
        self.highest[self.phase] = max(self.highest.get(self.phase, 0), self.now)

    def _forget(self, key: int) -> None:
        self.now -= self._sizes.pop(key, 0)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation and count what it returns.

        A condition on a tensor's content, which is not there, counts as met.
        """
        _ = types
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype is torch.bool:  # noqa: SLF001
            return True
        result = func(*args, **(kwargs or {}))
        self.count(leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor))
        return result
