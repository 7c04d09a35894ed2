"""What the jobs of all launchers have in common: files, shell words, times."""

from __future__ import annotations

import math
import os
import shlex
import tempfile
from pathlib import Path

from advisor.errors import StorageError
from advisor.schema.launch import LaunchTask

PORT = 29500
"""Where the machines of one job meet."""
SPARE = 1.25
"""Times the estimate's longest: a job that is cut off near its end costs most."""
SPARE_HOURS = 0.5
LAST_SECONDS = 300
"""After the time limit's SIGTERM, for the last checkpoint."""
CPUS_PER_GPU = 4
"""For loading data beside training."""


def written(folder: Path, name: str, text: str) -> str:
    """Write a job's file whole; raises StorageError when the folder cannot be written."""
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise StorageError(
            f"The job cannot be written: {error.strerror or error}.",
            hint="Choose a run folder you may write to.",
            where=str(folder),
        ) from error
    return str(path)


def line(task: LaunchTask, *, limit: int | None = None) -> str:
    """The command that trains, in the shell's own place, so that signals reach it.

    After `limit` hours it is told to stop, and stops with a checkpoint.
    """
    settings = [f"{name}={shlex.quote(value)}" for name, value in sorted(task.settings.items())]
    guard = [f"timeout --kill-after={LAST_SECONDS} {limit}h"] if limit else []
    price = []
    if task.usd_per_hour is not None:
        price = [f"--usd-per-hour {task.usd_per_hour:.6g}"]
    return " ".join(["exec", "env", *settings, *guard, shlex.join(task.command), *price])


def limit_hours(task: LaunchTask) -> int | None:
    """Whole hours that the job may take; None where nobody knows."""
    if task.hours is None:
        return None
    return max(1, math.ceil(task.hours * SPARE + SPARE_HOURS))


def meeting(task: LaunchTask, host: str, rank: str) -> list[str]:
    """Shell lines that tell several machines where they meet; none for one."""
    if task.nodes == 1:
        return []
    return [
        f"export ADVISOR_RDZV_ENDPOINT={host}:{PORT}",
        f"export ADVISOR_NODE_RANK={rank}",
    ]
