"""What the demo measured, one row per bundled task."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value


class DemoTask(Value):
    """The outcome of one bundled task."""

    task: str
    recommended: str | None
    gate: Literal["train", "stop", "collect"]
    verification: Literal["keep", "discard", "inconclusive"] | None
    baselines: dict[str, float]
    tuned: float | None
    target: float | None
    seconds: float
    run_dir: str


class Demo(Value):
    """All bundled tasks that were run."""

    tasks: tuple[DemoTask, ...]
