"""Which checkpoints are whole: a marker with sizes, written last, vouches for each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from trainers.engines.ledger import CHECKPOINT_PREFIX, flush, sizes, write_whole

MARKER = "complete.json"


def mark_complete(folder: Path) -> None:
    """Flush a checkpoint's files to the disk, then say so in its marker."""
    flush(folder)
    found = {name: size for name, size in sizes(folder).items() if name != MARKER}
    write_whole(folder / MARKER, json.dumps(found))


def is_complete(folder: Path) -> bool:
    """Whether the marker is there and every file it names has the size it had."""
    try:
        promised = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    found = {name: size for name, size in sizes(folder).items() if name != MARKER}
    return bool(found) and promised == found


def step_of(folder: Path) -> int | None:
    """The optimizer step a checkpoint folder is named after; None for another folder."""
    number = folder.name.removeprefix(CHECKPOINT_PREFIX)
    return int(number) if number.isdecimal() else None


def newest_complete(output_dir: Path) -> Path | None:
    """The whole checkpoint with the highest step; None when there is none."""
    steps = [
        (step, folder)
        for folder in output_dir.glob(f"{CHECKPOINT_PREFIX}*")
        if (step := step_of(folder)) is not None and is_complete(folder)
    ]
    return max(steps)[1] if steps else None


def discard_others(output_dir: Path, keep: Path | None) -> int:
    """Delete every checkpoint but one, half-written ones among them; how many went."""
    gone = 0
    for folder in output_dir.glob(f"{CHECKPOINT_PREFIX}*"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone
