"""What a foreign engine left: the trained model or adapter, its size, its checkpoints."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

ADAPTER_CONFIG, MODEL_CONFIG = "adapter_config.json", "config.json"
STATE_FILE = "trainer_state.json"
WEIGHTS = ("*.safetensors", "*.bin")
LONGEST_HEADER = 100 << 20
"""Bytes: what a header of tensor names can take at most."""


def trained_folder(place: Path) -> Path | None:
    """The folder itself, else its newest checkpoint that holds a model; None where none does."""
    if _holds_model(place):
        return place
    whole = [one for one in checkpoints(place) if _holds_model(one)]
    return whole[-1] if whole else None


def checkpoints(place: Path) -> list[Path]:
    """Checkpoints that are whole, oldest first: the state is the last thing written."""
    found = [one for one in place.glob("checkpoint-*") if one.name.rpartition("-")[2].isdigit()]
    found.sort(key=lambda one: int(one.name.rpartition("-")[2]))
    return [one for one in found if _json(one / STATE_FILE) and _holds_model(one)]


def history(place: Path) -> list[dict[str, Any]]:
    """What the trainer logged, from the newest state it wrote; empty where there is none."""
    states = [place / STATE_FILE, *(one / STATE_FILE for one in reversed(checkpoints(place)))]
    for state in states:
        log = _json(state).get("log_history")
        if isinstance(log, list):
            return [entry for entry in log if isinstance(entry, dict)]
    return []


def weights_in(folder: Path) -> int | None:
    """Entries of all tensors in the folder's safetensors files, from their headers alone."""
    files = sorted(folder.glob("*.safetensors"))
    counts = [_entries(file) for file in files]
    return None if not counts or None in counts else sum(one for one in counts if one is not None)


def _holds_model(folder: Path) -> bool:
    described = (folder / ADAPTER_CONFIG).is_file() or (folder / MODEL_CONFIG).is_file()
    return described and any(next(folder.glob(kind), None) for kind in WEIGHTS)


def _json(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _entries(file: Path) -> int | None:
    """The format: eight bytes with the header's length, then the header as JSON."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > LONGEST_HEADER:
                return None
            header = json.loads(stream.read(length))
        shapes = [one["shape"] for name, one in header.items() if name != "__metadata__"]
        return sum(int(math.prod(shape)) for shape in shapes)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
