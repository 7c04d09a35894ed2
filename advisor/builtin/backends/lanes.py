"""Keeps several calls going at once and hands the answers out as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import NamedTuple

from advisor.schema.evaluation import Completion, Prompt

Ask = Callable[[Prompt], Completion]
AHEAD = 2
"""Prompts under way or answered and not handed out yet, per lane."""


class _Answered(NamedTuple):
    prompt: Prompt
    completion: Completion


class _Ended(NamedTuple):
    """A lane that takes no more, with what ended it."""

    error: BaseException | None


def answers(
    ask: Ask, prompts: Iterable[Prompt], *, lanes: int
) -> Iterator[tuple[Prompt, Completion]]:
    """Each prompt with its completion, in the order of arrival.

    `prompts` is read by the lanes, one at a time, each as it gets free: no call waits for what the
    caller does with an answer, unless the caller falls behind by more than one answer a lane. When
    a call or `prompts` raises, no further prompt is taken, what is under way is still handed out,
    and the error is raised last.
    """
    pool = _Pool(ask, iter(prompts), lanes)
    failed: BaseException | None = None
    try:
        for came in pool.come():
            if isinstance(came, _Answered):
                yield came
                pool.make_room()
            else:
                failed = failed or came.error
    finally:
        pool.close()
    if failed is not None:
        raise failed


class _Pool:
    """Threads that end with the program: an interrupted run does not wait for a slow service."""

    def __init__(self, ask: Ask, source: Iterator[Prompt], lanes: int) -> None:
        self._ask = ask
        self._source = source
        self._lanes = lanes
        self._taking = threading.Lock()
        self._room = threading.Semaphore(AHEAD * lanes)
        self._came: SimpleQueue[_Answered | _Ended] = SimpleQueue()
        self._is_over = False

    def come(self) -> Iterator[_Answered | _Ended]:
        """What comes out of the lanes, until the last of them has ended."""
        for _ in range(self._lanes):
            threading.Thread(target=self._work, name="advisor-lane", daemon=True).start()
        running = self._lanes
        while running:
            came = self._came.get()
            running -= isinstance(came, _Ended)
            yield came

    def make_room(self) -> None:
        """An answer has been dealt with."""
        self._room.release()

    def close(self) -> None:
        """Let every lane end after the call it is in."""
        self._is_over = True
        self._room.release(self._lanes)

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            while (prompt := self._take()) is not None:
                self._came.put(_Answered(prompt, self._ask(prompt)))
        except BaseException as caught:  # noqa: BLE001 - raised again in the caller's thread
            error = caught
        self._is_over = True
        self._room.release()  # so that a lane waiting for room sees the end
        self._came.put(_Ended(error))

    def _take(self) -> Prompt | None:
        self._room.acquire()
        with self._taking:
            return None if self._is_over else next(self._source, None)
