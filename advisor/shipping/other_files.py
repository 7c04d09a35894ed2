"""What an export's files say otherwise than those of the evaluated model: tokens, adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.shipping.model_files import ADAPTER, read_object, stack_of

TOKENIZER = "tokenizer.json"
AROUND = 24
"""Characters of a token that are shown."""
SETTINGS = (
    "peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern",
    "fan_in_fan_out",
)  # fmt: skip
"""Of an adapter: what decides how strongly it changes its base."""


def other_tokens(reference: Path, own: Path) -> list[str]:
    """That a tokenizer's table gives tokens other numbers; nothing where one of them has none.

    Texts become as many tokens as before then, and mean something else to the model.
    """
    ours = next((told for place in stack_of(reference) if (told := _table(place))), None)
    theirs = _table(own)
    if not ours or not theirs:
        return []
    moved = [token for token in ours if theirs.get(token) != ours[token]]
    if not moved:
        return []
    first = min(moved, key=lambda token: ours[token])
    now = f"is number {theirs[first]} there" if first in theirs else "is not in it"
    return [
        (
            f"The tokenizer differs: {len(moved):,} of {len(ours):,} tokens have another number in"
            f" its {TOKENIZER}, or none; the first, {first[:AROUND]!a}, is number {ours[first]} in"
            f" the evaluated model and {now}."
        )
    ]


def _table(folder: Path) -> dict[str, int]:
    """Every token with its number; empty where the file does not tell."""
    told = read_object(folder / TOKENIZER)
    model = told.get("model")
    words = model.get("vocab") if isinstance(model, dict) else None
    try:
        if isinstance(words, list):  # of pieces with their scores
            words = {piece[0]: number for number, piece in enumerate(words)}
        more = {one["content"]: one["id"] for one in told.get("added_tokens") or ()}
        return {str(k): int(v) for k, v in {**(words or {}), **more}.items()}
    except (KeyError, TypeError, ValueError, IndexError):
        return {}


def other_settings(reference: Path, own: Path) -> list[str]:
    """That an adapter is put on its base otherwise than it was evaluated."""
    ours, theirs = read_object(reference / ADAPTER), read_object(own / ADAPTER)
    if not ours or not theirs:
        return []
    others = [key for key in SETTINGS if _plain(ours.get(key)) != _plain(theirs.get(key))]
    return [
        (
            f"The adapter changes its base otherwise than it was evaluated: {key} is"
            f" {theirs.get(key)!a} instead of {ours.get(key)!a} in {ADAPTER}."
        )
        for key in others
    ]


def _plain(value: Any) -> Any:
    """What is left out, none and empty mean the same in an adapter's settings."""
    return value or None
