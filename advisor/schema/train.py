"""A training job, what it reports while it runs, and what it leaves behind."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan


class TrainJob(Value):
    """All a trainer gets: the plan, the samples and a folder to write in."""

    plan: Plan
    instruction: str
    train_samples: tuple[Sample, ...]
    dev_samples: tuple[Sample, ...]
    output_dir: str
    resume: bool = False
    """Continue from the newest complete checkpoint in `output_dir`, if there is one."""


class TrainEvent(Value):
    """One line of progress."""

    kind: Literal["start", "step", "evaluation", "checkpoint", "resume", "end", "note"]
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    tokens_per_second: float | None = None
    memory_gib: float | None = None
    message: str = ""


class LossPoint(Value):
    """Training loss at a step."""

    step: int
    loss: float


class Served(Value):
    """How the trained thing is opened again: a backend plugin and what to hand it."""

    backend: str
    model: str


class TrainResult(Value):
    """What training produced and what it really took.

    `tokens_per_second` counts the tokens of prompts and completions without padding, over the time
    spent in steps; a device's raw rate, padding included, is higher. The dev losses are means over
    the completions' tokens of at most 64 dev samples, in nats; None when a trainer takes none.
    """

    trainer: str
    method: str
    objective: str
    output_dir: str
    """Folder of all jobs of the run; what this one made lies in a sub-folder (`served_by`)."""
    served_by: Served
    loss: tuple[LossPoint, ...]
    steps: int
    trainable_parameters: int
    peak_memory_gib: float | None
    """Highest resident memory of the process (CPU) or allocated memory (GPU) while training."""
    memory_tier: Literal["allocated", "reserved", "process"]
    tokens_per_second: float | None
    wall_seconds: float
    """Time spent training, summed over interruptions."""
    train_samples: int
    versions: dict[str, str]
    seed: int
    resumed_from_step: int | None = None
    notes: tuple[str, ...] = ()
    dev_loss_before: float | None = None
    """Mean loss on the dev split before the first step."""
    dev_loss_after: float | None = None
    """Mean loss on the dev split after the last step."""
