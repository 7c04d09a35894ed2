"""A program that trains, run beside this one: its lines as they come, and its end."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from advisor.errors import StorageError, TrainingError
from advisor.units import gib_from_bytes
from trainers.engines.outside import guard
from trainers.engines.outside.guard import POLITE

TAIL_LINES = 40
LOOK_SECONDS = 0.5
"""Between two questions whether to stop, where the program says nothing."""
HARSH = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""How a program is stopped at once."""
DONE, GUARD_SECONDS = b"done", 5.0
KIB = 1024
HEARING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Becomes the program it is given, with SIGINT as it is for a program in the foreground."""
QUIET = {
    "AXOLOTL_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Nobody is told of the use, and lines come when they are written."""


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    tail: tuple[str, ...]
    """Its last lines."""
    peak_gib: float
    """Highest resident memory of it and of what it started and waited for, in GiB."""
    stopped: bool
    """It was asked to stop."""


class Child:
    """One run of a program; its output goes to a log file and, line by line, to a listener."""

    def __init__(self, command: Sequence[str], folder: Path, log: Path) -> None:
        self._command = list(command)
        self._folder = folder
        self._log = log
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._stopped = False

    def run(
        self,
        hear: Callable[[str], None],
        should_stop: Callable[[], bool],
        extra: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run it to its end; asks `should_stop` after every line and twice a second.

        Whatever ends this function, or kills this process, ends the program too. Raises
        TrainingError where it cannot be started, StorageError where the log cannot be written.
        """
        process = self._start(dict(extra or {}))
        watching = _guard(process)
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            with self._log_file() as log:
                for line in _until_end(lines):
                    if line:
                        log.write(line + "\n")
                        self._tail.append(line)
                        hear(line)
                    if not self._stopped and should_stop():
                        self._stopped = True
                        stop(process, POLITE)
            code, peak = _waited(process)
        except BaseException:
            stop(process, HARSH)
            raise
        finally:
            _close(process)
            _dismiss(watching)
        reader.join(timeout=1)
        return Ended(code, tuple(self._tail), peak, self._stopped)

    def _start(self, extra: dict[str, str]) -> subprocess.Popen[str]:
        environment = QUIET | dict(os.environ) | extra
        try:
            return subprocess.Popen(  # noqa: S603 - the program that the user asked for
                _hearing(self._command),
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # so that what it starts is stopped with it
            )
        except OSError as error:
            raise TrainingError(
                f"{self._command[0]} cannot be started: {error.strerror or error}.",
                hint="Start it by hand; its files are written.",
                where=str(self._folder),
            ) from error

    @contextlib.contextmanager
    def _log_file(self) -> Iterator[_Log]:
        try:
            with self._log.open("a", encoding="utf-8") as stream:
                yield _Log(stream.write)
        except OSError as error:
            raise StorageError(
                f"The log of training cannot be written: {error.strerror or error}.",
                hint="Free some space, or choose another output folder.",
                where=str(self._log),
            ) from error


class _Log(NamedTuple):
    write: Callable[[str], int]


def _hearing(command: list[str]) -> list[str]:
    """The command as one that SIGINT reaches.

    What is started in the background (`nohup advisor run &`) ignores SIGINT, and so would all that
    it starts: the gentle way to stop a program would wait in vain.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN or not shutil.which(command[0]):
        return command
    return [sys.executable, "-I", "-S", "-c", HEARING, *command]


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Hand on every line; a carriage return ends one too, as progress bars have it."""
    with contextlib.suppress(ValueError, OSError):  # closed under us when we give up
        for line in process.stdout or ():
            for part in line.replace("\r", "\n").splitlines():
                if part.strip():
                    lines.put(part.rstrip())
    lines.put(None)


def _until_end(lines: queue.Queue[str | None]) -> Iterator[str]:
    """Every line, and an empty one where nothing came for a while."""
    while True:
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def stop(process: subprocess.Popen[str], ways: Sequence[tuple[int, float]]) -> None:
    """End a program and what it started: signals in order, each with seconds of patience."""
    for kind, patience in ways:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)


def _guard(process: subprocess.Popen[str]) -> subprocess.Popen[bytes] | None:
    """A small process that ends the program when this one is killed; None where none can start."""
    command = [sys.executable, "-I", "-S", guard.__file__, str(process.pid)]
    try:
        return subprocess.Popen(  # noqa: S603 - our own file
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not end it first
        )
    except OSError:
        return None


def _dismiss(process: subprocess.Popen[bytes] | None) -> None:
    """Tell the guard that nothing is left to end."""
    if process is not None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(DONE, timeout=GUARD_SECONDS)


def _waited(process: subprocess.Popen[str]) -> tuple[int, float]:
    """Exit code and peak memory; the memory is 0 where it was waited for elsewhere."""
    if process.returncode is not None:
        return process.returncode, 0.0
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:
        return process.wait(), 0.0
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, gib_from_bytes(usage.ru_maxrss * KIB)


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        with contextlib.suppress(OSError):
            process.stdout.close()
