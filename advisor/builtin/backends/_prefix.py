"""The shared beginning of prompts, computed once and kept while it still fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from advisor.builtin.backends._room import Extent, Room, States
from advisor.builtin.backends.length_batches import common, shared

WORTH = 4
"""Tokens from which keeping a beginning is worth a pass of its own."""
STRETCH = 4096
"""Tokens in one forward pass: the attention mask of a long beginning takes memory."""


class Prefix:
    """Keys and values of the beginning that the prompts of a window share."""

    def __init__(self, model: Any, layers: int, device: str) -> None:
        self._model = model
        self._layers = layers
        self._device = device
        self._tokens: list[int] = []
        self._states: States = []

    def take(self, rows: Sequence[Sequence[int]]) -> int:
        """Make ready what these rows begin with; gives the number of tokens, 0 for none."""
        count = shared(rows) if len(rows) > 1 else 0
        if count < WORTH:
            return 0
        wanted = list(rows[0][:count])
        kept = common(self._tokens, wanted)
        if kept < count:
            self._compute(wanted, kept)
        return count

    def fill(self, room: Room, count: int) -> None:
        """Begin every row of the room with the first `count` tokens."""
        if count:
            room.put(self._states, count)

    def forget(self) -> None:
        """Give the memory back."""
        self._tokens, self._states = [], []

    def _compute(self, wanted: list[int], kept: int) -> None:
        room = Room(self._layers, Extent(1, len(wanted)))
        if kept:
            room.put(self._states, kept)
        for start in range(kept, len(wanted), STRETCH):
            piece = wanted[start : start + STRETCH]
            ids = torch.tensor([piece], device=self._device)
            places = torch.arange(start, start + len(piece), device=self._device)[None]
            self._model(ids, places, room.cache)
        self._tokens, self._states = wanted, room.states(len(wanted))
