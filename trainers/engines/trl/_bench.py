"""All that the pre-flight is handed: one job, ready to be built into a trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.contracts import Tools
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob
from trainers.engines.trl.course import Course


@dataclass(frozen=True)
class Bench:
    """What a run is made of once the method is on the model, before the first step."""

    job: TrainJob
    course: Course
    tokenizer: Any
    model: Any
    build: Callable[[Plan, Any, Path], Any]
    """A ready trainer on the same adapted model: plan, rows, folder; nothing watches it."""
    tools: Tools
    folder: Path
    """The job's own folder; whatever is written there is gone afterwards."""
    max_hours: float | None = None
    """Hours after which the run is ended, where there is such a limit."""
