"""The line between a command and the processes that train for it: JSON lines over loopback."""

from __future__ import annotations

import json
import socket
from typing import Any

Message = dict[str, Any]
HOST = "127.0.0.1"
ADDRESS = "ADVISOR_TRAINING_ADDRESS"
"""Environment variable with the port that the command listens on."""
TOKEN = "ADVISOR_TRAINING_TOKEN"  # noqa: S105 - the variable's name, not its value
"""Environment variable with the word by which a process of ours is known from a stranger."""
CHUNK = 1 << 16


class Line:
    """One end of a connection; a message is one line of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left = bytearray()

    def fileno(self) -> int:
        """The handle, for a selector."""
        return self._connection.fileno()

    def send(self, message: Message) -> None:
        """Write one message; raises OSError where the other end has gone."""
        self._connection.sendall(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def fill(self) -> None:
        """Take in what has come; raises EOFError where the other end has gone."""
        try:
            chunk = self._connection.recv(CHUNK)
        except ConnectionError as error:
            raise EOFError from error
        if not chunk:
            raise EOFError
        self._left += chunk

    def taken(self) -> Message | None:
        """The next whole message that has come; None where there is none."""
        line, end, rest = self._left.partition(b"\n")
        if not end:
            return None
        self._left = rest
        message: Message = json.loads(line)
        return message

    def receive(self) -> Message:
        """Wait for the next message; raises EOFError where the other end has gone."""
        while (message := self.taken()) is None:
            self.fill()
        return message

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def listen() -> socket.socket:
    """A socket on loopback, at a free port."""
    return socket.create_server((HOST, 0))


def connect(port: int) -> Line:
    """A line to the command that listens there; raises OSError where there is none."""
    return Line(socket.create_connection((HOST, port)))
