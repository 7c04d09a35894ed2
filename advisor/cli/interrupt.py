"""Ctrl-C and SIGTERM during long work: keep what is done and say how to continue."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from advisor.cli.errors import Interrupted

if TYPE_CHECKING:
    from advisor.training_log import TrainingLog

    Handler = Callable[[int, FrameType | None], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TOLD = b"\nStopping after this step; a checkpoint is written. Once more stops at once.\n"
TOLD_EARLY = (
    b"\nTraining has not begun: stopping after its first step, with a checkpoint. Once more stops"
    b" at once, with nothing to keep.\n"
)


class Stoppable(Protocol):
    """Work that comes to a safe end by itself when it is asked to, while it trains."""

    is_training: bool
    is_stopping: bool
    log: TrainingLog | None


@contextmanager
def interruptible(resume: str, work: Stoppable | None = None) -> Iterator[None]:
    """Turn SIGINT and SIGTERM inside the block into Interrupted with the command to resume.

    While `work` trains, the first signal only asks it to stop at the next safe point; a second one
    stops at once, as the first does elsewhere.
    """
    before = {number: signal.signal(number, _handler(work)) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(resume, _kept(work, str(stop))) from stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _kept(work: Stoppable | None, words: str) -> str:
    """Which step of a training is saved; a trainer's own words go before; else empty."""
    if words:
        return f"{words[0].upper()}{words[1:]}."
    if work is None or work.log is None:
        return ""
    saved = work.log.saved_step
    return "No step of the training is saved." if saved is None else f"Step {saved} is saved."


def _handler(work: Stoppable | None) -> Handler:
    def handle(_number: int, _frame: FrameType | None) -> None:
        if work is not None and work.is_training and not work.is_stopping:
            work.is_stopping = True
            told = TOLD if work.log is None or work.log.is_stepping else TOLD_EARLY
            os.write(sys.stderr.fileno(), told)  # printing is not safe inside a signal
            return
        raise KeyboardInterrupt

    return handle
