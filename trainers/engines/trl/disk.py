"""Whether the disk holds what a training run will write, told before the first step."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import StorageError
from advisor.units import gb_from_bytes

KEPT = 2
"""Checkpoints that stay while training goes on; a third is there while it is written."""
SMALL_FILES = 64 << 20
"""Tokenizer, schedule, random states, logs and what the libraries write beside them."""


@dataclass(frozen=True)
class Needed:
    """Bytes that a run writes, at its height."""

    weights: int
    """What of the model is saved: an adapter, or all weights."""
    states: int
    """The optimizer's states."""
    steps: int
    """Optimizer steps of the run: one of a single step writes one checkpoint at most."""

    @property
    def checkpoint(self) -> int:
        """One checkpoint."""
        return self.weights + self.states

    @property
    def peak(self) -> int:
        """Those kept, the one being written, and the result."""
        checkpoints = min(KEPT + 1, self.steps)
        return checkpoints * self.checkpoint + self.weights + SMALL_FILES


def free_bytes(folder: Path) -> int:
    """What may still be written below a folder, which need not be there yet.

    Raises StorageError where the system cannot say.
    """
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError as error:
        raise StorageError(
            f"The free space of the output folder cannot be read: {error.strerror or error}.",
            hint="Choose an output folder you may write to.",
            where=str(folder),
        ) from error


def check_room(needed: int, folder: Path) -> None:
    """Raise StorageError where the disk cannot hold so many bytes, and small files."""
    free = free_bytes(folder)
    if free < needed + SMALL_FILES:
        raise StorageError(
            f"The disk has {_told(free)} free, and the model takes up to"
            f" {_told(needed + SMALL_FILES)}: {_told(needed)} of weights, and {_told(SMALL_FILES)}"
            " for smaller files beside them.",
            hint="Free some space, or choose an output folder on another disk.",
            where=str(folder),
        )


def _told(count_bytes: int) -> str:
    """A size that stays told apart from its neighbours: 14.50 GB, 67.1 MB."""
    gb = gb_from_bytes(count_bytes)
    return f"{gb:,.2f} GB" if gb >= 1 else f"{1000 * gb:,.1f} MB"


def check(needed: Needed, folder: Path) -> int:
    """Free bytes below the folder, when they are enough.

    Raises StorageError with the figures when they are not.
    """
    free = free_bytes(folder)
    if free < needed.peak:
        states = gb_from_bytes(needed.states)
        raise StorageError(
            f"The disk has {gb_from_bytes(free):.2f} GB free, and training writes up to"
            f" {gb_from_bytes(needed.peak):.2f} GB: {min(KEPT + 1, needed.steps)} checkpoints of"
            f" {gb_from_bytes(needed.checkpoint):.2f} GB ({states:.2f} GB of them the optimizer's"
            f" states) and the result of {gb_from_bytes(needed.weights):.2f} GB.",
            hint="Free some space, choose an output folder on another disk, or train less: an"
            " adapter (lora) or an 8-bit optimizer writes less than full fine-tuning.",
            where=str(folder),
        )
    return free
