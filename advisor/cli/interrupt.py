"""Ctrl-C and SIGTERM during long work: keep what is done and say how to continue."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from advisor.cli.errors import Interrupted

if TYPE_CHECKING:
    from advisor.training_log import TrainingLog

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
    stops at once, as the first does elsewhere. A library may make an error of its own of that, or
    nothing at all (imports that are done when first needed do both): however the block ends
    afterwards, it was interrupted.
    """
    signals = _Signals(work)
    before = {number: signal.signal(number, signals.handle) for number in SIGNALS}
    try:
        yield
    except Interrupted:
        raise
    except BaseException as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        if not (is_interrupt or signals.ends_now):
            raise
        raise Interrupted(resume, _kept(work, str(error) if is_interrupt else "")) from error
    else:
        if signals.ends_now:
            raise Interrupted(resume, _kept(work, ""))
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


class _Signals:
    """What signals do to the work, and whether one was to end it at once."""

    def __init__(self, work: Stoppable | None) -> None:
        self._work = work
        self.ends_now = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Ask training to stop; anything else, and training once asked, ends here."""
        work = self._work
        if work is not None and work.is_training and not work.is_stopping:
            work.is_stopping = True
            told = TOLD if work.log is None or work.log.is_stepping else TOLD_EARLY
            os.write(sys.stderr.fileno(), told)  # printing is not safe inside a signal
            return
        self.ends_now = True
        if work is not None:
            work.is_stopping = True  # training that begins all the same ends at its first step
        raise KeyboardInterrupt
