"""Ctrl-C and SIGTERM during long work: keep what is done and say how to continue."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from advisor.cli.errors import Interrupted


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def interruptible(resume: str) -> Iterator[None]:
    """Turn SIGINT and SIGTERM inside the block into Interrupted with the command to resume."""
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(resume) from stop
    finally:
        signal.signal(signal.SIGTERM, before)
