"""Tells the time of the optimizer steps from that of looking and saving."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Aside = Literal["evaluation", "saving"]


class Clock:
    """Seconds since `start`, of which some were spent aside."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._ended: float | None = None
        self._aside: dict[Aside, float] = {"evaluation": 0.0, "saving": 0.0}
        self.last_saving = 0.0
        """Seconds of the checkpoint written last, its marking included."""

    def start(self) -> None:
        """Training begins now; what was spent aside before does not count as training."""
        self._began, self._ended = time.perf_counter(), None

    def stop(self) -> None:
        """Training is over."""
        if self._ended is None:
            self._ended = time.perf_counter()

    @contextmanager
    def aside(self, kind: Aside, *, more: bool = False) -> Iterator[None]:
        """The time of this block is no step's; `more` of what the last block began.

        Blocks are never inside one another.
        """
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self._aside[kind] += spent
            if kind == "saving":
                self.last_saving = spent + (self.last_saving if more else 0.0)

    @property
    def seconds(self) -> float:
        """Since the start, looking and saving included."""
        if self._began is None:
            return 0.0
        return (self._ended or time.perf_counter()) - self._began

    @property
    def evaluation(self) -> float:
        """Spent in looks at the dev split."""
        return self._aside["evaluation"]

    @property
    def saving(self) -> float:
        """Spent in writing checkpoints."""
        return self._aside["saving"]

    @property
    def steps(self) -> float:
        """Spent in optimizer steps, their data included."""
        return max(0.0, self.seconds - self.evaluation - self.saving)
