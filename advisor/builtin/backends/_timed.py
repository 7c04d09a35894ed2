"""An HTTP client whose calls end in time as a whole, however slowly bytes drip in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2


class TimedClient:
    """A client for many threads; `client` is what the SDKs are given."""

    def __init__(self, timeout_seconds: float, connections: int) -> None:
        self._clock = _Clock()
        self._timeout = timeout_seconds
        self.client = httpx2.Client(
            timeout=timeout_seconds,
            follow_redirects=True,
            limits=httpx2.Limits(
                max_connections=connections + 1, max_keepalive_connections=connections + 1
            ),
        )
        for transport in (self.client._transport, *self.client._mounts.values()):  # noqa: SLF001 - httpx2 offers no other door to its sockets
            if isinstance(transport, httpx2.HTTPTransport):
                pool = transport._pool  # noqa: SLF001 - the same
                pool._network_backend = _Network(pool._network_backend, self._clock)  # noqa: SLF001 - the same

    @contextmanager
    def call(self) -> Iterator[None]:
        """Within it, what this thread sends and reads must be through in time."""
        self._clock.end = time.monotonic() + self._timeout
        try:
            yield
        finally:
            self._clock.end = None


class _Clock(threading.local):
    """When the call that this thread makes must be over."""

    end: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """A time-out, cut to what is left of the whole call. Raises ReadTimeout at its end."""
        if self.end is None:
            return timeout
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("the call took too long as a whole")
        return left if timeout is None else min(timeout, left)


class _Stream:
    """A connection that keeps to the clock of the thread that uses it."""

    def __init__(self, stream: Any, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the connection does."""
        found: bytes = self._stream.read(max_bytes, self._clock.left(timeout))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the connection does."""
        self._stream.write(buffer, self._clock.left(timeout))

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

    def __init__(self, network: Any, clock: _Clock) -> None:
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
