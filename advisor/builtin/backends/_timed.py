"""An HTTP client whose calls end in time as a whole, however slowly bytes drip in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

KEPT_BYTES = 64 * 1024


class TimedClient:
    """A client for many threads; `client` is what the SDKs are given."""

    def __init__(self, timeout_seconds: float, calls: int) -> None:
        self._clock = Clock(timeout_seconds)
        self.client = httpx2.Client(
            timeout=timeout_seconds,
            follow_redirects=True,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=calls),
        )
        for transport in (self.client._transport, *self.client._mounts.values()):  # noqa: SLF001 - httpx2 offers no other door to its sockets
            if isinstance(transport, httpx2.HTTPTransport):
                pool = transport._pool  # noqa: SLF001 - the same
                pool._network_backend = _Network(pool._network_backend, self._clock)  # noqa: SLF001 - the same

    @contextmanager
    def call(self) -> Iterator[Clock]:
        """One call of this thread; what it sends and reads must be through in time."""
        self._clock.began = time.monotonic()
        try:
            yield self._clock
        finally:
            self._clock.began = None


class Clock(threading.local):
    """When the call that this thread makes began, and when it must be over."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.began: float | None = None

    @property
    def seconds(self) -> float:
        """Since the call began; 0 outside one."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    def left(self, timeout: float | None) -> float | None:
        """A time-out, cut to what is left of the whole call. Raises ReadTimeout at its end."""
        if self.began is None:
            return timeout
        left = self._limit - self.seconds
        if left <= 0:
            raise httpx2.ReadTimeout("the call took too long as a whole")
        return left if timeout is None else min(timeout, left)


class _Stream:
    """A connection that keeps to the clock of the thread that uses it.

    Head and body of a request leave together, which wakes a server once and not twice.
    """

    def __init__(self, stream: Any, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._kept = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the connection does, once what was kept is sent."""
        left = self._clock.left(timeout)
        if self._kept:
            self._flush(left)
        found: bytes = self._stream.read(max_bytes, left)
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep what is small until an answer is waited for."""
        self._kept += buffer
        if len(self._kept) > KEPT_BYTES:
            self._flush(self._clock.left(timeout))

    def _flush(self, left: float | None) -> None:
        kept, self._kept = self._kept, b""
        self._stream.write(kept, left)

    def close(self) -> None:
        """As the connection does."""
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        """As the connection does."""
        left = self._clock.left(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """As the connection does."""
        return self._stream.get_extra_info(info)


class _Network:
    """Opens connections that keep to the clock."""

    def __init__(self, network: Any, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **more: Any) -> Any:
        """As the network does."""
        left = self._clock.left(timeout)
        return _Stream(self._network.connect_tcp(host, port, timeout=left, **more), self._clock)

    def connect_unix_socket(self, path: str, timeout: float | None = None, **more: Any) -> Any:
        """As the network does."""
        left = self._clock.left(timeout)
        return _Stream(self._network.connect_unix_socket(path, timeout=left, **more), self._clock)

    def sleep(self, seconds: float) -> None:
        """As the network does."""
        self._network.sleep(seconds)
