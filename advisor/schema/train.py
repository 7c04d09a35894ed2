"""A training job, what it reports while it runs, and what it leaves behind."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from advisor.schema.base import Interval, Value
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan

DEV_LOOKED_AT = 64
"""So many dev samples are looked at each time, which keeps looks short beside the training."""


def looked_at(dev: Sequence[Sample], seed: int, most: int = DEV_LOOKED_AT) -> tuple[Sample, ...]:
    """The dev samples that the loss and the metric are taken of: at most so many, in their order.

    The same ones for the same number of samples and the same seed.
    """
    if len(dev) <= most:
        return tuple(dev)
    places = random.Random(seed).sample(range(len(dev)), most)  # noqa: S311 - no secret
    return tuple(dev[place] for place in sorted(places))


class TrainJob(Value):
    """All a trainer gets: the plan, the samples and a folder to write in."""

    plan: Plan
    instruction: str
    train_samples: tuple[Sample, ...]
    dev_samples: tuple[Sample, ...]
    output_dir: str
    resume: bool = False
    """Hand a finished result back, or continue from the newest complete checkpoint in `output_dir`,
    if there is one; else begin anew."""
    general_samples: tuple[Sample, ...] = ()
    """General data of which the plan's `general_share` of the training rows is taken."""
    probe_samples: tuple[Sample, ...] = ()
    """General samples never trained on: their loss before and after shows what was forgotten."""
    metric_digest: str = ""
    """Of the metric that scores while training, with its options; empty where none does."""
    usual_learning_rate: float | None = None
    """What the recipes say for such a plan; None where they say nothing. Advised on a fault."""
    report_to: tuple[str, ...] = ()
    """Trackers by the names transformers gives them: tensorboard, wandb, mlflow, trackio."""
    estimated_memory_gib: Interval | None = None
    """What the estimate expects of memory, in the tier that the trainer measures."""
    max_hours: float | None = None
    """Hours after which the run asks the trainer to stop."""
    usable_memory_gib: float | None = None
    """What of the device's memory the process can have."""


class TrainEvent(Value):
    """One line of progress; the run adds time, remaining time and money before it keeps it."""

    kind: Literal["preflight", "start", "step", "evaluation", "checkpoint", "resume", "end", "note"]
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    dev_loss: float | None = None
    score: float | None = None
    """Of an evaluation: the task's metric on the dev split."""
    tokens_per_second: float | None = None
    memory_gib: float | None = None
    elapsed_seconds: float | None = None
    """Since the command began; filled by the run."""
    remaining_seconds: float | None = None
    usd: float | None = None
    """Spent so far in the run's folder, on whatever was trained, where the machine's price is
    known."""
    job: str = ""
    """What is being trained, as a digest; filled by the run."""
    message: str = ""


class DevPoint(Value):
    """What a look at the dev split showed."""

    step: int
    loss: float | None = None
    score: float | None = None
    """The task's metric by generation."""


class PlanChange(Value):
    """A plan field that the pre-flight changed, keeping the effective batch."""

    field: str
    planned: int | float | bool | str
    used: int | float | bool | str
    why: str


class Preflight(Value):
    """What was looked at before the first real step."""

    rows: int = 0
    """Rows that are trained on, after packing the samples that went into them."""
    left_out: int = 0
    """Samples that were too long or had nothing to learn from."""
    trained_tokens: int = 0
    """Tokens of one epoch that count in the loss."""
    tokens: int = 0
    """All tokens of one epoch."""
    longest_row: int = 0
    probed_memory_gib: float | None = None
    """Peak of two real steps on the longest batch."""
    probed_seconds_per_step: float | None = None
    estimated_memory_gib: Interval | None = None
    checkpoint_gib: float | None = None
    """What one checkpoint takes on the disk."""
    free_disk_gib: float | None = None
    changes: tuple[PlanChange, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = Field(default=0.0, ge=0)


class LossPoint(Value):
    """Training loss at a step."""

    step: int
    loss: float


class Served(Value):
    """How the trained thing is opened again: a backend plugin and what to hand it."""

    backend: str
    model: str
    settings: dict[str, str] = Field(default_factory=dict)
    """What the backend is told beyond the run's own settings: a service's address, say; no key."""


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
    plan: Plan | None = None
    """The plan that was followed; what a look before the first step changed stands in `preflight`.
    A later estimate does not change it."""
    seed: int
    resumed_from_step: int | None = None
    notes: tuple[str, ...] = ()
    dev_loss_before: float | None = None
    """Mean loss on the dev split before the first step."""
    dev_loss_after: float | None = None
    """Mean loss on the dev split of what was kept."""
    metric: str = ""
    """The task's metric that dev scores are in."""
    evaluations: tuple[DevPoint, ...] = ()
    """Looks at the dev split, in order; step 0 is before training."""
    kept_step: int | None = None
    """The step whose weights were kept; None: the last."""
    kept_by: str = ""
    """Why that step's, in words."""
    ended_early: str = ""
    """Why training ended before its last step, in words; empty where it did not."""
    preflight: Preflight | None = None
    restored: tuple[str, ...] = ()
    """What a continued run took up again: optimizer, schedule, random state, place in the data."""
    general_loss_before: float | None = None
    """Mean loss on the probe of general samples before the first step."""
    general_loss_after: float | None = None
    processes: int = Field(default=1, gt=0)
    """Processes that trained together."""
    steps_seconds: float | None = None
    """Of `wall_seconds`, those in optimizer steps; the rest is pre-flight, looks and saving."""
    evaluation_seconds: float | None = None
    saving_seconds: float | None = None
    usd: float | None = None
    """What it cost, all attempts at this very job together, where the price is known."""
