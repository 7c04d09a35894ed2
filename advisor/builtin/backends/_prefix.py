"""The shared beginning of prompts, computed once and kept while it still fits."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from advisor.builtin.backends._forward import Forward
from advisor.builtin.backends._room import Extent, Room, States
from advisor.builtin.backends.length_batches import common, shared

WORTH = 4
"""Tokens from which a beginning is worth a pass of its own."""
STRETCH = 4096
"""Tokens in one pass: the attention mask of a longer beginning would take much memory."""


class Prefix:
    """Keys and values of the beginning that the prompts of a window share."""

    def __init__(self, forward: Forward, layers: int) -> None:
        self._forward = forward
        self._layers = layers
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
            with torch.inference_mode():
                self._compute(wanted, kept)
        return count

    def fill(self, room: Room, count: int) -> None:
        """Begin every row of the room with the first `count` tokens."""
        if count:
            room.put(self._states, count)

    def _compute(self, wanted: list[int], kept: int) -> None:
        room = Room(self._layers, Extent(1, len(wanted)))
        if kept:
            room.put(self._states, kept)
        for start in range(kept, len(wanted), STRETCH):
            piece = wanted[start : start + STRETCH]
            places = torch.arange(start, start + len(piece), device=self._forward.device)
            room.turn(slice(0, 1), start)
            self._forward(self._forward.tensor([piece]), places[None], room.cache)
        self._tokens, self._states = wanted, room.states(len(wanted))
