"""Keeps several calls going at once and hands the answers out as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import NamedTuple

from advisor.schema.evaluation import Completion, Prompt

Ask = Callable[[Prompt], Completion]


class Came(NamedTuple):
    """What became of one prompt: a completion, or what ends the run."""

    prompt: Prompt
    completion: Completion | None
    error: BaseException | None


def answers(
    ask: Ask, prompts: Iterable[Prompt], *, lanes: int
) -> Iterator[tuple[Prompt, Completion]]:
    """Each prompt with its completion, in the order of arrival.

    `prompts` is read in the caller's thread, the next one as soon as a lane is free for it, so that
    no lane waits for what the caller does with an answer. When a call or `prompts` raises, no
    further prompt is taken, what is under way is still handed out, and the error is raised last.
    """
    pool = _Pool(ask)
    source = iter(prompts)
    taken, done = 0, 0
    ended: BaseException | None = None
    came: Came | None = None
    try:
        while True:
            while ended is None and taken - done < lanes:
                try:
                    pool.put(next(source), lanes)
                    taken += 1
                except BaseException as error:  # noqa: BLE001 - raised when the lanes are empty
                    ended = error
            if came is not None and came.completion is not None:
                yield came.prompt, came.completion
            if taken == done:
                break
            came = pool.get()
            done += 1
            if came.error is not None and (ended is None or isinstance(ended, StopIteration)):
                ended = came.error
    finally:
        pool.close()
    if ended is not None and not isinstance(ended, StopIteration):
        raise ended


class _Pool:
    """Threads that end with the program: an interrupted run does not wait for a slow service."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._todo: SimpleQueue[Prompt | None] = SimpleQueue()
        self._came: SimpleQueue[Came] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def put(self, prompt: Prompt, most: int) -> None:
        """Hand a prompt to a lane; lanes are opened one by one, up to `most`."""
        if len(self._threads) < most:
            thread = threading.Thread(target=self._work, name="advisor-lane", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._todo.put(prompt)

    def get(self) -> Came:
        """Wait for the next prompt that is through."""
        return self._came.get()

    def close(self) -> None:
        """Let every lane end after what it is doing."""
        for _ in self._threads:
            self._todo.put(None)

    def _work(self) -> None:
        while (prompt := self._todo.get()) is not None:
            try:
                came = Came(prompt, self._ask(prompt), None)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                came = Came(prompt, None, error)
            self._came.put(came)
