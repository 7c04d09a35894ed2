"""Which checkpoints are whole and which are still needed: a marker, written last, vouches for each.

Beside the library's files a checkpoint holds what a run that goes on from it must know (`MEMORY`).
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainers.engines.ledger import CHECKPOINT_PREFIX, flush, sizes, write_whole

MARKER = "complete.json"
MEMORY = "watch.json"
"""Looks at the dev split, and what else the library does not keep."""
MOST_SUMMED_BYTES = 256 << 20
"""Larger files are vouched for by their size; the library's own archives carry check sums."""
PART_BYTES = 1 << 20


def mark_complete(folder: Path) -> None:
    """Flush a checkpoint's files to the disk, then say so in its marker."""
    flush(folder)
    found = {
        name: [size, _sum(folder / name, size)]
        for name, size in sizes(folder).items()
        if name != MARKER
    }
    write_whole(folder / MARKER, json.dumps(found))


def _sum(path: Path, size: int) -> int | None:
    """CRC-32 of a file that is not too large to be read through."""
    if size > MOST_SUMMED_BYTES:
        return None
    total = 0
    with path.open("rb") as stream:
        while part := stream.read(PART_BYTES):
            total = zlib.crc32(part, total)
    return total


def fault_of(folder: Path, *, thorough: bool = True) -> str:
    """Why a checkpoint is not what was written, in words; empty where it is whole.

    Unless `thorough`, only names and sizes are compared.
    """
    try:
        promised = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        there = {name: size for name, size in sizes(folder).items() if name != MARKER}
        pairs = {str(name): (int(size), crc) for name, (size, crc) in promised.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return "it was not written to its end"
    if not pairs or set(pairs) != set(there):
        return "files are missing"
    for name, (size, crc) in pairs.items():
        if there[name] != size:
            return f"{name} has {there[name]} bytes instead of {size}"
        if thorough and crc is not None and _sum(folder / name, size) != crc:
            return f"{name} has changed since it was written"
    return ""


def is_complete(folder: Path) -> bool:
    """Whether the marker is there and every file it names has the size it had."""
    return not fault_of(folder, thorough=False)


def step_of(folder: Path) -> int | None:
    """The optimizer step a checkpoint folder is named after; None for another folder."""
    number = folder.name.removeprefix(CHECKPOINT_PREFIX)
    return int(number) if number.isdecimal() else None


def checkpoints(output_dir: Path) -> list[Path]:
    """Every folder named as a checkpoint, the newest first."""
    named = {
        folder: step
        for folder in output_dir.glob(f"{CHECKPOINT_PREFIX}*")
        if (step := step_of(folder)) is not None
    }
    return sorted(named, key=lambda folder: -named[folder])


def memory_of(folder: Path) -> dict[str, Any]:
    """What the run remembered in a checkpoint; empty where it cannot be read."""
    try:
        found = json.loads((folder / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def tidy(output_dir: Path) -> None:
    """Delete what no run needs any more: two checkpoints stay.

    They are the newest and the best one, or the newest two where these are the same: where the
    newest turns out to be broken, training goes on from the other.
    """
    whole = [folder for folder in checkpoints(output_dir) if is_complete(folder)]
    if not whole:
        return
    newest, *older = whole
    best_step = memory_of(newest).get("best_step")
    best = [folder for folder in older if step_of(folder) == best_step]
    discard_but(output_dir, [newest, *(best or older)[:1]])


def discard_but(output_dir: Path, keep: Iterable[Path]) -> None:
    """Delete every checkpoint but these, half-written ones among them."""
    kept = set(keep)
    for folder in output_dir.glob(f"{CHECKPOINT_PREFIX}*"):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
