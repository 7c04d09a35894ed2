"""Reads a cell of a published table: numbers, yes or no, cards, tiers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.memory.words import GPU_GIB

Row = Mapping[str, str]
Run = dict[str, Any]
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_NOTHING = frozenset({"", "none", "null", "nan", "na", "n/a", "unknown", "-", "?"})
_YES = frozenset(
    {"1", "true", "yes", "on", "y", "full", "unsloth", "selective", "reentrant", "non-reentrant"}
)
_NO = frozenset({"0", "false", "no", "off", "n", "none", "f"})


def number(text: object) -> float | None:
    """The first number in a cell; None for an empty or unknown one."""
    plain = str(text if text is not None else "").strip().replace(",", "").replace("_", "")
    if plain.lower() in _NOTHING:
        return None
    try:
        return float(plain)
    except ValueError:
        found = _NUMBER.search(plain)
        return float(found.group(0)) if found else None


def whole(text: object) -> int | None:
    """The first number in a cell, cut to a whole one."""
    value = number(text)
    return None if value is None else int(value)


def flag(text: object) -> bool | None:
    """A yes, a no, or neither."""
    plain = str(text or "").strip().lower()
    if plain in _YES or plain == "t":
        return True
    if plain in _NO:
        return False
    if plain.startswith(("true", "yes", "on ", "full ac", "selective", "recompute")):
        return True
    return False if plain.startswith(("false", "no ", "off")) else None


def first(entries: Mapping[str, Any], *names: str) -> Any:
    """The first column that is there and filled, whatever its spelling; else an empty text."""
    low = {k.strip().lower().replace(" ", "_"): v for k, v in entries.items() if k}
    return next((low[n] for n in names if low.get(n) not in (None, "")), "")


def gpu_gib(name: object) -> tuple[float, bool]:
    """Memory of a card as sold, and whether its name told; 24 GiB where it did not."""
    raw = str(name or "").lower()
    said = re.search(r"(\d{2,3})(?:gb|gib|g)\b", raw.replace(" ", ""))
    if said and 4 <= int(said.group(1)) <= 300:
        return float(said.group(1)), True
    plain = re.sub(r"[^a-z0-9]", "", raw)
    return next(((float(gib), True) for key, gib in GPU_GIB if key in plain), (24.0, False))


def tier_of(mem_kind: object) -> str:
    """What a published figure counts: allocated, reserved, device or unknown."""
    text = str(mem_kind or "").lower()
    if "alloc" in text:
        return "allocated"
    if "reserv" in text:
        return "reserved"
    words = ("smi", "nvml", "device", "process", "wandb", "driver", "nvidia")
    return "device" if any(word in text for word in words) else "unknown"
