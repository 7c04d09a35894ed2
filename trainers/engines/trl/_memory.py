"""Peak memory while training: allocated on a GPU, resident in the process on a CPU."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Literal, Self

import psutil
import torch

from advisor.units import gib_from_bytes

SAMPLING_SECONDS = 0.05


class MemoryWatch:
    """Measures the highest memory between entering and leaving; `peak_gib` may be read any time."""

    def __init__(self) -> None:
        self._cuda: Any = torch.cuda if torch.cuda.is_available() else None
        self._process = psutil.Process()
        self._peak_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory-watch", daemon=True)

    @property
    def tier(self) -> Literal["allocated", "process"]:
        """What is measured: tensors on the GPU, or everything the process holds."""
        return "allocated" if self._cuda else "process"

    @property
    def now_gib(self) -> float:
        """Memory in GiB at this moment."""
        if self._cuda:
            return gib_from_bytes(self._cuda.memory_allocated())
        return gib_from_bytes(self._process.memory_info().rss)

    @property
    def peak_gib(self) -> float:
        """The highest memory in GiB seen so far."""
        if self._cuda:
            return gib_from_bytes(self._cuda.max_memory_allocated())
        return gib_from_bytes(self._peak_bytes)

    def __enter__(self) -> Self:
        if self._cuda:
            self._cuda.reset_peak_memory_stats()
        else:
            self._look()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._cuda:
            self._done.set()
            self._thread.join()
            self._look()

    def _sample(self) -> None:
        while not self._done.wait(SAMPLING_SECONDS):
            self._look()

    def _look(self) -> None:
        self._peak_bytes = max(self._peak_bytes, self._process.memory_info().rss)
