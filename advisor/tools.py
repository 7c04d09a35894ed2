"""What plugins are handed from the world, and stand-ins for a world that does not listen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from advisor import registry
from advisor.contracts import Embedder, Emit, ModelUnderTest, Progress, Retriever
from advisor.schema.train import TrainEvent
from advisor.units import hours_from_seconds


class Silence:
    """A progress line for nobody."""

    def start(self, label: str, total: int) -> None:
        """Say nothing."""

    def advance(self, count: int = 1) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


def ignore_event(event: TrainEvent) -> None:
    """An emitter for nobody."""


def say_nothing(sentence: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Tools:
    """What plugins are handed from the world (contracts.Tools)."""

    seed: int
    instruction: str
    cache_dir: Path
    progress: Progress = field(default_factory=Silence)
    emit: Emit = ignore_event
    embedder: Embedder = field(default_factory=lambda: registry.embedder("sentence_transformers"))
    retriever: Retriever | None = None
    model: ModelUnderTest | None = None
    max_hours: float | None = None
    """Work that asks `should_stop` ends after so many hours."""
    began: float = field(default_factory=time.monotonic)

    def should_stop(self) -> bool:
        """Whether the time limit has passed; Ctrl-C arrives as an exception instead."""
        hours = hours_from_seconds(time.monotonic() - self.began)
        return self.max_hours is not None and hours > self.max_hours
