"""A cache folder that several processes use at once."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Nobody else puts something into the folder or takes it away meanwhile.

    The folder itself is locked, so that no further file lies in it. Where a system or disk has no
    locks, things go on without.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # noqa: PLC0415 - not on every system

            held = os.open(cache, os.O_RDONLY)
            stack.callback(os.close, held)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def taken_away(folder: Path) -> None:
    """Remove a folder; whoever looks for it sees all of it or nothing."""
    gone = folder.with_name(f".{folder.name}-gone.{platform.node()}.{os.getpid()}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    except OSError:
        gone = folder
    shutil.rmtree(gone, ignore_errors=True)
