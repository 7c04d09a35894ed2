"""Which way a model is asked: by the loop of our own where that is right for it, else plainly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from advisor.builtin.backends._choosing import Chooser
from advisor.builtin.backends._forward import Forward
from advisor.builtin.backends._own_loop import Batch, OwnLoop
from advisor.builtin.backends._plain_way import PlainWay
from advisor.builtin.backends._room import Extent, Room, full_layers
from advisor.builtin.backends.length_batches import Bounds

ROWS = {"cpu": 32, "mps": 64, "cuda": 256}
"""Rows answered together at most; more gain nothing and are lost together when killed."""
GIB = 1 << 30
CPU_CACHE_BYTES = 2 * GIB
UNKNOWN_TOKENS = 16384
"""Tokens in a batch where the size of a token's cache is not known."""
BY_LENGTH = ("dynamic", "longrope")
"""Position codes that change with the length of what is read in one pass."""
TOLERANCE = {torch.float32: 0.01, torch.float64: 0.01}
COARSE = 0.2
"""Of the spread of the scores: coarser numbers differ more between two orders of adding."""
TRIAL = ((11, 7, 5, 3, 8, 6, 4), (11, 7, 5, 3, 9))


def way_of(model: Any, device: str, ends: Sequence[int], pad: int) -> tuple[Any, Bounds]:
    """The way, and the batches that it takes; a short trial shows that the own loop is right."""
    plain = PlainWay(model, device, ends, pad)
    forward = Forward(model, device)
    layers = _layers(model) if forward.takes_cache else 0
    if layers:
        with torch.inference_mode():
            token_bytes = _tried(forward, layers)
        if token_bytes:
            room = _cache_bytes(model, device) // token_bytes
            return OwnLoop(forward, layers, ends), Bounds(ROWS[device], max(1, room))
    return plain, Bounds(ROWS[device], UNKNOWN_TOKENS)


def _layers(model: Any) -> int:
    """Layers of a model whose cache can be taken apart by rows and tokens; else 0."""
    adapters = getattr(model, "peft_config", {}).values()
    if any(getattr(adapter, "is_prompt_learning", False) for adapter in adapters):
        return 0
    config = model.config.get_text_config(decoder=True)
    if model.config.is_encoder_decoder or getattr(model, "_is_stateful", False):
        return 0
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    if any(kind.get("rope_type") in BY_LENGTH for kind in kinds):
        return 0
    return full_layers(model.config)


def _tried(forward: Forward, layers: int) -> int:
    """Bytes of one token's cache where two short rows score as they do alone; else 0.

    A guard against models that take a cache and read it otherwise than they say.
    """
    rows = [list(row) for row in TRIAL]
    try:
        alone = torch.stack([forward.alone(row) for row in rows]).float()
        loop = OwnLoop(forward, layers, ())
        seen = _Seen()
        shared = loop.share([*rows, rows[0]])
        loop.answer(Batch(rows, [seen, seen], [1, 1], shared))
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        return 0
    together = torch.stack(seen.scores).float()
    spread = float(alone.std()) or 1.0
    tolerance = TOLERANCE.get(seen.scores[0].dtype, COARSE)
    if not float((alone.cpu() - together).abs().max()) <= tolerance * spread:
        return 0
    return _token_bytes(forward, layers)


class _Seen(Chooser):
    """Keeps the scores it was shown."""

    def __init__(self) -> None:
        self.scores: list[torch.Tensor] = []

    @property
    def is_plain(self) -> bool:
        """It must be asked."""
        return False

    def choose(self, scores: torch.Tensor) -> int:
        """Any token."""
        self.scores.append(scores)
        return 0


def _token_bytes(forward: Forward, layers: int) -> int:
    room = Room(layers, Extent(1, 1))
    forward(forward.tensor([[TRIAL[0][0]]]), forward.tensor([[0]]), room.cache)
    return sum(t.numel() * t.element_size() for pair in room.states(1) for t in pair)


def _cache_bytes(model: Any, device: str) -> int:
    """Memory for one batch's cache; of the machine and not of the moment, so batches repeat."""
    if device == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        return max(GIB, int(0.9 * total - model.get_memory_footprint()) // 2)
    if device == "mps":
        return max(GIB, int(torch.mps.recommended_max_memory()) // 4)
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    total = pages * os.sysconf("SC_PAGE_SIZE") if pages else 8 * GIB
    return min(CPU_CACHE_BYTES, total // 8)
