"""The training network: a Llama decoder written out, with a hand-made ('mimetic') start."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Size of the network."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    rope_theta: float
    positions: int = 1024

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


def rotary_frequencies(shape: Shape) -> Tensor:
    """Frequencies of the rotary position code, fastest first."""
    return shape.rope_theta ** (-torch.arange(0, shape.head_width, 2).float() / shape.head_width)


def rms_norm(hidden: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Scale each position to unit mean square, in float32."""
    wide = hidden.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6) * weight).to(dtype)


class Layer(nn.Module):
    """Attention and gated feed-forward; q/k/v and gate/up are kept as one matrix each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, hidden = shape.width, shape.hidden

        def normal(rows: int, columns: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, columns) * std)

        self.shape = shape
        self.qkv = normal(3 * width, width, 0.05)
        self.out = normal(width, width, 0.001)
        self.gate_up = normal(2 * hidden, width, 0.05)
        self.down = normal(width, hidden, 0.001)
        self.norm_attention = nn.Parameter(torch.ones(width))
        self.norm_feed = nn.Parameter(torch.ones(width))

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype) -> Tensor:
        """Apply the layer to float32 hidden states; matrices run in `dtype`."""
        batch, length, width = hidden.shape
        normed = rms_norm(hidden, self.norm_attention, dtype)
        mixed = functional.linear(normed, self.qkv.to(dtype))
        query, key, value = mixed.view(
            batch, length, 3, self.shape.heads, self.shape.head_width
        ).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(
            _rotate(query, cos, sin), _rotate(key, cos, sin), value, is_causal=True
        )
        hidden = hidden + functional.linear(
            seen.transpose(1, 2).reshape(batch, length, width), self.out.to(dtype)
        )
        normed = rms_norm(hidden, self.norm_feed, dtype)
        gate, up = functional.linear(normed, self.gate_up.to(dtype)).chunk(2, -1)
        return hidden + functional.linear(functional.silu(gate) * up, self.down.to(dtype))


def _rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply the rotary position code."""
    first, second = heads.float().chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (heads.float() * cos + turned * sin).to(heads.dtype)


class TinyLlama(nn.Module):
    """Embedding, layers and final norm; the output matrix is the embedding."""

    def __init__(self, shape: Shape, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.shape, self.dtype = shape, dtype
        self.embedding = nn.Parameter(torch.randn(shape.vocabulary, shape.width) * 0.04)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        angles = torch.arange(shape.positions).float()[:, None] * rotary_frequencies(shape)[None]
        self.register_buffer("cos", torch.cat([angles.cos()] * 2, -1), persistent=False)
        self.register_buffer("sin", torch.cat([angles.sin()] * 2, -1), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the normed hidden states of every position."""
        hidden = functional.embedding(ids, self.embedding)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            hidden = layer(hidden, cos, sin, self.dtype)
        return rms_norm(hidden, self.norm, self.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        """Turn hidden states into logits."""
        return functional.linear(hidden, self.embedding.to(self.dtype)).float()

    def matrices(self) -> list[tuple[nn.Parameter, int]]:
        """Matrices for Muon, each with the number of stacked blocks it consists of."""
        found: list[tuple[nn.Parameter, int]] = []
        for layer in self.layers:
            found += [(layer.qkv, 3), (layer.out, 1), (layer.gate_up, 2), (layer.down, 1)]
        return found

    def others(self) -> list[nn.Parameter]:
        """Embedding and norms, for AdamW."""
        norms = [norm for layer in self.layers for norm in (layer.norm_attention, layer.norm_feed)]
        return [self.embedding, self.norm, *norms]


def _orthogonal(rows: int, columns: int) -> Tensor:
    """A random matrix with orthonormal rows that leaves the constant direction (column 0) alone."""
    matrix = torch.linalg.qr(torch.randn(columns, rows))[0].T
    matrix[:, 0] = 0
    return matrix


@torch.no_grad()
def set_mimetic_start(model: TinyLlama) -> None:
    """Start with heads looking 1, 2, 3 tokens back (layer 0) and induction heads (layers 1, 2).

    All embeddings get a constant component; through the rotary code it makes a head look at a
    fixed distance. What a layer-0 head reads there is written to a subspace of its own, which
    the induction heads use as keys.
    """
    shape = model.shape
    width, size, half = shape.width, shape.head_width, shape.head_width // 2
    model.embedding[:, 0] = 0.16
    content = _orthogonal(size, width)
    written = [_orthogonal(size, width).T for _ in range(3)]
    for matrix in written:
        matrix[0] = 0
    first = model.layers[0]
    constant = 4 / math.sqrt(1 + 16 / width)
    frequency = rotary_frequencies(shape)
    for head in range(3):
        rows = slice(head * size, (head + 1) * size)
        query, key = torch.zeros(size, width), torch.zeros(size, width)
        for pair, strength in enumerate((4, 6, 4, 3, 2)):
            scale = math.sqrt(strength * math.sqrt(size)) / constant
            key[pair, 0] = scale
            query[pair, 0] = scale * math.cos((head + 1) * frequency[pair])
            query[pair + half, 0] = -scale * math.sin((head + 1) * frequency[pair])
        _set_head(first, rows, query, key, content)
        first.out[:, rows] = written[head] * 0.05
    for layer in list(model.layers)[1:3]:
        _set_induction_heads(layer, shape, frequency, content, written)


def _set_head(layer: Layer, rows: slice, query: Tensor, key: Tensor, value: Tensor) -> None:
    """Write one head's query, key and value matrices."""
    width = layer.shape.width
    for block, matrix in enumerate((query, key, value)):
        layer.qkv[block * width + rows.start : block * width + rows.stop] = matrix


def _set_induction_heads(
    layer: Layer, shape: Shape, frequency: Tensor, content: Tensor, written: list[Tensor]
) -> None:
    """Two heads that find where the current token (and its predecessor) stood and read on."""
    size, half = shape.head_width, shape.head_width // 2
    slow = [pair for pair in range(half) if frequency[pair] < 1.2e-3]
    channels = slow + [pair + half for pair in slow]
    strength = 2.1
    for head in range(2):
        rows = slice(head * size, (head + 1) * size)
        query, key = torch.zeros(size, shape.width), torch.zeros(size, shape.width)
        for index, channel in enumerate(channels):
            if head == 0 or index < len(channels) // 2:
                query[channel], key[channel] = (
                    strength * content[index],
                    strength * written[0][:, index],
                )
            else:
                query[channel] = strength * 1.3 * written[0][:, index]
                key[channel] = strength * 1.3 * written[1][:, index]
        read = _orthogonal(size, shape.width)
        _set_head(layer, rows, query, key, read)
        layer.out[:, rows] = read.T * 0.4
