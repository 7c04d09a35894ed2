"""When the next call may begin: so many a minute, and not while the service asks for a pause."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class ClosedError(Exception):
    """The session was closed while a call was waiting."""


class Pace:
    """Shared by all lanes of a session."""

    def __init__(self, per_minute: int | None) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._closed = threading.Event()
        self._why: BaseException | None = None

    def wait(self) -> None:
        """Return when the next call may begin. Raises as `sleep` does."""
        with self._lock:
            at = max(time.monotonic(), self._next)
            if self._gap:
                self._next = at + self._gap
        self.sleep(at - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Begin no call for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait. Raises what ended the session, or ClosedError, when that has happened."""
        is_over = self._closed.wait(seconds) if seconds > 0 else self._closed.is_set()
        if is_over:
            raise self._why or ClosedError

    def close(self, why: BaseException | None = None) -> None:
        """Let no further call begin, and wake whoever waits."""
        self._why = self._why or why
        self._closed.set()


def asked_pause(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that Retry-After (seconds or HTTP date) or retry-after-ms asks for.

    None where neither is there or neither can be read.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    told = headers.get("retry-after")
    seconds = milliseconds / 1000 if milliseconds is not None else _number(told)
    if seconds is None and told:
        try:
            until = parsedate_to_datetime(told)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return None if seconds is None else max(seconds, 0.0)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None
