"""What a row says that only the tuning method understands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from advisor.schema.catalog import ModelCard

_LAST_LAYERS = re.compile(r"last (\d+) layers")
_VIRTUAL_TOKENS = re.compile(r"(?:prefix|prompt|tokens) (\d+)")
_WIDTHS: dict[str, Callable[[ModelCard], int]] = {
    "prompt": lambda card: card.hidden_size,
    "prefix": lambda card: 2 * card.layers * card.key_value_heads * card.head_dim,
}
"""Trained numbers per virtual token."""
_NOTED = {
    "galore": ("rank", re.compile(r"galore_rank=(\d+)")),
    "lisa": ("layers", re.compile(r"lisa_activated_layers=(\d+)")),
    "llama_pro": ("blocks", re.compile(r"num_blocks=(\d+)")),
    "lokr": ("decompose_factor", re.compile(r"factor(\d+)")),
}
"""Method -> its option, and how the notes of a row say it."""


def method_options(
    method: str, row: Mapping[str, Any], run: Mapping[str, Any], card: ModelCard
) -> dict[str, int | float | str | bool]:
    """The plan's options, from targets, notes and the number of trained parameters."""
    targets, notes = str(row.get("target_modules") or ""), str(row.get("notes") or "")
    if method == "full":
        return {"in_backward": True} if run.get("in_backward") else {}
    layers = _LAST_LAYERS.search(targets)
    if method == "freeze" and layers:
        return {"layers": int(layers.group(1))}
    found: dict[str, int | float | str | bool] = {}
    if tokens := _virtual_tokens(method, row, targets, card):
        found["virtual_tokens"] = tokens
    if method == "prefix" and "projection" in targets:
        found["projection"] = True
    if method == "ia3" and "gate" in targets:
        found["feed_forward"] = "gate_proj,up_proj,down_proj"
    if method in _NOTED:
        option, pattern = _NOTED[method]
        if said := pattern.search(notes):
            found[option] = int(said.group(1))
    return found


def _virtual_tokens(method: str, row: Mapping[str, Any], targets: str, card: ModelCard) -> int:
    """Trained tokens, stated or counted from the trained parameters; 0 where nobody says."""
    said = _VIRTUAL_TOKENS.search(targets)
    if method in ("prefix", "prompt", "p_tuning") and said:
        return int(said.group(1))
    trained = str(row.get("trainable_params") or "")
    if method not in _WIDTHS or not trained.isdigit():
        return 0
    return round(int(trained) / _WIDTHS[method](card))
