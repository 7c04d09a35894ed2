"""The run's record of training: every event as one line of `train.jsonl`, with time and money."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from advisor.contracts import Emit
from advisor.errors import StorageError
from advisor.schema.train import TrainEvent
from advisor.units import hours_from_seconds

TRAIN_LOG = "train.jsonl"
BEGINS = ("start", "resume")
BLOCK_BYTES = 1 << 16


class TrainingLog:
    """Receives the trainer's events, fills in what only the run knows, keeps them, passes them on.

    Money adds up over all that the file tells of; the remaining time is that of this session's own
    pace, looks and saving included.
    """

    def __init__(
        self,
        path: Path,
        inner: Emit,
        usd_per_hour: float | None = None,
        *,
        job: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._inner = inner
        self._usd_per_hour = usd_per_hour
        self._job = job
        self._clock = clock
        self._began = clock()
        self._first: tuple[float, int] | None = None
        """Time and step at which this session's steps began."""
        self._handle: int | None = None
        _mend(path)
        self.usd_before = spent_usd(path)
        """Spent by earlier sessions in this folder."""
        self.is_stepping = False
        """Whether the first step has begun."""
        self.saved_step: int | None = None
        """The step of the newest checkpoint, as far as this session knows."""

    def __call__(self, event: TrainEvent) -> None:
        """Keep one event and pass it on; a full disk does not end training."""
        filled = self._filled(event)
        line = filled.model_dump_json(exclude_defaults=True) + "\n"
        with contextlib.suppress(OSError):
            os.write(self._open(), line.encode())
        if event.kind == "end":
            self.close()
        self._inner(filled)

    def close(self) -> None:
        """Let go of the file; a later event opens it again."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        if self._handle is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        return self._handle

    def _filled(self, event: TrainEvent) -> TrainEvent:
        now = self._clock()
        self.is_stepping |= event.kind in BEGINS or event.kind == "step"
        if event.kind in ("checkpoint", "resume"):
            self.saved_step = event.step
        if event.kind in BEGINS:
            self._first = (now, event.step)
        elapsed = now - self._began
        known: dict[str, float | str | None] = {
            "job": self._job,
            "elapsed_seconds": round(elapsed, 3),
            "remaining_seconds": self._remaining(event, now),
        }
        if self._usd_per_hour is not None:
            known["usd"] = round(
                self.usd_before + hours_from_seconds(elapsed) * self._usd_per_hour, 6
            )
        return event.model_copy(update=known)

    def _remaining(self, event: TrainEvent, now: float) -> float | None:
        if self._first is None or not event.total_steps:
            return None
        since, step = self._first
        done = event.step - step
        if done <= 0:
            return None
        return round((now - since) / done * max(0, event.total_steps - event.step), 1)


def training_log(
    path: Path, inner: Emit, usd_per_hour: float | None = None, *, job: str = ""
) -> TrainingLog:
    """The emitter of a run: a file with every event of a job, and `inner`, where they are shown.

    Raises StorageError where the file cannot be read or mended.
    """
    try:
        return TrainingLog(path, inner, usd_per_hour, job=job)
    except OSError as error:
        raise StorageError(
            f"The training log cannot be used: {error.strerror or error}.",
            hint="Choose another folder with --run-dir, or give yourself leave to write there.",
            where=str(path),
        ) from error


def _mend(path: Path) -> None:
    """Cut off half a line that a killed run has left at the end."""
    if not path.is_file():
        return
    with path.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK_BYTES)
            stream.seek(start)
            at = stream.read(end - start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        stream.truncate(end)


def spent_on(path: Path, job: str) -> float:
    """Money that a log tells of for one job, over all its sessions."""
    if not path.is_file():
        return 0.0
    spent = before = 0.0
    with path.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(ValueError, AttributeError):
                told = json.loads(line)
                usd = told.get("usd")
                if usd is not None:
                    spent += usd - before if told.get("job", "") == job else 0.0
                    before = usd
    return round(spent, 6)


def hours_on(path: Path, job: str) -> float:
    """Hours that a log tells of for one job, over all its sessions."""
    if not path.is_file():
        return 0.0
    total = last = 0.0
    with path.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(ValueError, AttributeError):
                told = json.loads(line)
                now = (told.get("elapsed_seconds") or 0.0) if told.get("job", "") == job else 0.0
                if now < last:  # a new session, whose clock begins anew
                    total += last
                last = now
    return hours_from_seconds(total + last)


def spent_usd(path: Path) -> float:
    """Money that a log tells of, whatever was trained: what its last event says."""
    if not path.is_file():
        return 0.0
    with path.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - BLOCK_BYTES))
        lines = stream.read().splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError, AttributeError):
            usd = json.loads(line).get("usd")
            if usd is not None:
                return float(usd)
    return 0.0
