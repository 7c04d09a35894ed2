"""Keeps a second process from training in the same folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from advisor.errors import TrainingError
from trainers.engines.ledger import storage_error

LOCK_FILE = ".training.lock"


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder for the time of the block; the system lets go when the process dies.

    Raises TrainingError when another process holds it, StorageError when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK_FILE).open("a", encoding="utf-8")
    except OSError as error:
        raise storage_error(error, folder) from error
    with stream:
        _take(stream.fileno(), folder)
        yield


def _take(handle: int, folder: Path) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return  # Windows has no such lock; two processes there are the user's own care
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TrainingError(
            "Another process is training in this folder.",
            hint="Wait until it has finished, or stop it; or choose another --run-dir.",
            where=str(folder),
        ) from None
    except OSError:
        return  # some network file systems have no locks; training there is not refused
