"""A folder that is there whole or not at all, whatever ends the program in between."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from advisor.errors import AdvisorError, StorageError

MARK = "advisor"
"""Stands in the name of a folder that is being written."""
NAMES = 8
"""Tries for a name of one's own; another process may be clearing up at that moment."""


@contextlib.contextmanager
def whole_folder(goal: Path, what: str) -> Iterator[Path]:
    """An empty folder beside the goal that becomes the goal at the end, or is gone.

    What an earlier process that was killed has left there of the same goal is removed first; one
    that still writes is left alone. `what` names what is written. Raises StorageError where the
    goal holds something, and for what the system refuses while it is written; errors from within
    name the goal instead of the folder beside it.
    """
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise not_empty(goal)
    place = goal.parent / _name(goal)
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        _clear_left_over(goal)
        with contextlib.ExitStack() as held:
            place = held.enter_context(_held(goal))
            yield place
            place.replace(goal)
    except OSError as error:
        raise StorageError(
            f"The {what} cannot be written: {error.strerror or error}.",
            hint="Free some space, or choose a folder you may write to with --out; nothing is"
            " half-written.",
            where=str(goal),
        ) from error
    except AdvisorError as error:
        error.where = error.where.replace(str(place), str(goal))
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)


def not_empty(goal: Path) -> StorageError:
    """What is said of a folder that should be empty or new."""
    return StorageError(
        f"{goal} holds something already.",
        hint="Name an empty or a new folder with --out, or delete this one.",
        where=str(goal),
    )


def _name(goal: Path) -> str:
    return f".{goal.name}.{MARK}-{secrets.token_hex(4)}"


@contextlib.contextmanager
def _held(goal: Path) -> Iterator[Path]:
    """A new folder beside the goal that nobody clears away while it is written."""
    for _ in range(NAMES):
        place = goal.parent / _name(goal)
        place.mkdir()
        with _lock(place) as is_ours:
            if is_ours is not False and place.is_dir():
                yield place
                return
    raise OSError(None, "another process clears it away")


def _clear_left_over(goal: Path) -> None:
    """Remove what killed processes have left beside the goal: nobody holds that any more."""
    pattern = re.compile(rf"\.{re.escape(goal.name)}\.{MARK}-[0-9a-f]{{8}}")
    for place in goal.parent.iterdir():
        if pattern.fullmatch(place.name) and place.is_dir() and not place.is_symlink():
            with _lock(place) as is_ours:
                if is_ours:
                    shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _lock(place: Path) -> Iterator[bool | None]:
    """Whether the folder is held by this process alone while the block runs.

    None where the system holds no folders. A lock goes with the process, however that ends.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        handle = os.open(place, os.O_RDONLY)
    except (ImportError, OSError):
        yield None
        return
    try:
        is_ours: bool | None = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_ours = False
        except OSError:
            is_ours = None
        yield is_ours
    finally:
        os.close(handle)
