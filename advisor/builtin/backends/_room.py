"""A key-value cache with room: tokens are written into place, and a shared prefix is copied in."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

States = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of every layer, each [rows, heads, tokens, width]."""


class Extent(NamedTuple):
    """Rows and columns of a cache."""

    rows: int
    columns: int


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values; a forward pass writes behind `length`, into the rows `at`.

    The library's own layer makes the whole cache anew for every token.
    """

    def __init__(self, extent: Extent) -> None:
        super().__init__()
        self.extent = extent
        self.at = slice(0, extent.rows)
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make room like the first states; zeros, as masked garbage may not be NaN."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = self._room(key_states), self._room(value_states)
        self.is_initialized = True

    def _room(self, states: torch.Tensor) -> torch.Tensor:
        shape = (self.extent.rows, states.shape[1], self.extent.columns, states.shape[3])
        return states.new_zeros(shape)

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *_args: Any,
        **_more: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states of new tokens; gives back all there are of these rows."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        self.keys[self.at, :, self.length : end] = key_states
        self.values[self.at, :, self.length : end] = value_states
        self.length = end
        return self.keys[self.at, :, :end], self.values[self.at, :, :end]

    def get_seq_length(self) -> int:
        """Columns that are written."""
        return self.length

    def keep(self, rows: torch.Tensor) -> None:
        """Only these rows go on."""
        self.keys, self.values = self.keys[rows], self.values[rows]
        self.extent = Extent(len(rows), self.extent.columns)
        self.at = slice(0, len(rows))


class Room:
    """The cache of one batch, for all layers of a model."""

    def __init__(self, layers: int, extent: Extent) -> None:
        self.layers = [RoomyLayer(extent) for _ in range(layers)]
        self.cache = Cache(layers=self.layers)

    def put(self, states: States, tokens: int) -> None:
        """Begin every row with the first `tokens` of one row's states."""
        for layer, (keys, values) in zip(self.layers, states, strict=True):
            layer.lazy_initialization(keys, values)
            layer.keys[:, :, :tokens] = keys[:, :, :tokens]
            layer.values[:, :, :tokens] = values[:, :, :tokens]
        self.turn(slice(0, self.layers[0].extent.rows), tokens)

    def turn(self, at: slice, length: int) -> None:
        """The next forward pass is of these rows and writes behind `length`."""
        for layer in self.layers:
            layer.at, layer.length = at, length

    def keep(self, rows: torch.Tensor) -> None:
        """Only these rows go on."""
        for layer in self.layers:
            layer.keep(rows)

    def states(self, tokens: int) -> States:
        """The first `tokens` of what is written."""
        return [(layer.keys[:, :, :tokens], layer.values[:, :, :tokens]) for layer in self.layers]


def full_layers(config: Any) -> int:
    """How many layers there are when each keeps every token; else 0 (windows, states, hybrids)."""
    layers = DynamicCache(config=config).layers
    return len(layers) if all(type(layer) is DynamicLayer for layer in layers) else 0
