"""What plugins are handed from the world, and stand-ins for a world that does not listen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from advisor import registry
from advisor.contracts import (
    Embedder,
    Emit,
    Method,
    ModelUnderTest,
    Progress,
    Retriever,
    Scoring,
)
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


def never() -> bool:
    """Nobody asks for an end."""
    return False


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
    scoring: Scoring | None = None
    stop_asked: Callable[[], bool] = never
    """Whether somebody asked for an end: a signal, say."""
    max_hours: float | None = None
    """Work that asks `should_stop` ends after so many hours."""
    began: float = field(default_factory=time.monotonic)

    def method(self, name: str) -> Method:
        """The tuning method of that name; raises UnknownPluginError."""
        return registry.method(name)

    def should_stop(self) -> bool:
        """Whether the time limit has passed or somebody asked for an end."""
        if self.stop_asked():
            return True
        hours = hours_from_seconds(time.monotonic() - self.began)
        return self.max_hours is not None and hours > self.max_hours
