"""A model server that answers any chat request after a fixed time, at next to no cost.

    python benchmarks/evaluation/server.py --latency-ms 50

It prints its port and serves until its standard input closes, so that it never outlives its
caller. The answer is the last line of the request's last message, in capitals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
LATE_SECONDS = 0.0008
"""asyncio's timers come about so late (mean of 0.9 ms over 800 answers); taken off, so that the
mean latency is the one asked for."""


class Connection(asyncio.Protocol):
    """One kept-alive connection: requests in, answers out a moment later."""

    def __init__(self, latency_seconds: float) -> None:
        self._latency = max(latency_seconds - LATE_SECONDS, 0.0)
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what TCP servers hand over
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes in; every whole request is answered after the latency."""
        self._buffer += data
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(LENGTH)
            size = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            start = end + len(HEAD_END)
            if len(self._buffer) < start + size:
                return
            body, self._buffer = self._buffer[start : start + size], self._buffer[start + size :]
            asyncio.get_running_loop().call_later(self._latency, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        payload = answer(json.loads(body)) if body else b'{"object": "list", "data": []}'
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}"
        )
        self._transport.write(head.encode() + HEAD_END + payload)


def answer(request: dict[str, object]) -> bytes:
    """The body of a chat completion for a request."""
    messages = request["messages"]
    assert isinstance(messages, list)  # noqa: S101 - the only caller is our own benchmark
    text = str(messages[-1]["content"]).rstrip().rsplit("\n", 1)[-1].upper()
    words = sum(len(str(m["content"]).split()) for m in messages)
    told = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {
            "prompt_tokens": words,
            "completion_tokens": len(text.split()),
            "total_tokens": words + len(text.split()),
        },
    }
    return json.dumps(told).encode()


async def serve(latency_ms: float) -> None:
    """Serve on a free port of this machine until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency_ms / 1000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> int:
    """Read the flag and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--latency-ms", type=float, default=50)
    asyncio.run(serve(parser.parse_args().latency_ms))
    return 0


if __name__ == "__main__":
    sys.exit(main())
