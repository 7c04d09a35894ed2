"""What makes a training job this very one: everything that the trained weights depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from advisor.contracts.contents import model_digest, named_digest
from advisor.schema.base import Value
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob

MOST_TOLD = 4
"""Differences that are named one by one."""


class Identity(Value):
    """A job in digests of its parts, so that two jobs can be compared without their data."""

    plan: dict[str, Any] = Field(default_factory=dict)
    """The plan's fields, without their reasons."""
    parts: dict[str, str] = Field(default_factory=dict)
    """What else there is, in words -> digest."""

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, shortened to 16 digits."""
        return _digest(self.model_dump(mode="json"))


def identity_of(job: TrainJob, trainer: str) -> Identity:
    """Everything that the trained weights, and the choice among them, depend on.

    The base model, and what the plan's options name, enter by their files, so that a model or a
    reward replaced in place is noticed.
    """
    return Identity(
        plan=job.plan.model_dump(mode="json", exclude={"reasons"}),
        parts={
            "trainer": trainer,
            "instruction": _digest(job.instruction),
            "training samples": _digest(_told(job.train_samples)),
            "dev samples": _digest(_told(job.dev_samples)),
            "general samples": _digest(_told(job.general_samples)),
            "probe samples": _digest(_told(job.probe_samples)),
            "metric": job.metric_digest,
            "files of the base model": model_digest(Path(job.plan.model)),
            **_named_files(job.plan),
        },
    )


def job_digest(job: TrainJob, trainer: str) -> str:
    """The name of a job's folder: 16 digits that change with everything the weights depend on."""
    return identity_of(job, trainer).digest


def unwatched(job: TrainJob) -> TrainJob:
    """The job for those who neither score nor probe what they train: no part of what they do."""
    return job.model_copy(update={"metric_digest": "", "probe_samples": ()})


def differences(before: Identity, now: Identity) -> str:
    """In what two jobs differ, in a few words; empty where nothing is known of one of them."""
    if not before.parts:
        return ""
    told = [
        f"{name} {before.plan.get(name)}, now {now.plan.get(name)}"
        for name in sorted({*before.plan, *now.plan})
        if before.plan.get(name) != now.plan.get(name)
    ]
    told += [
        f"other {name}"
        for name in dict.fromkeys((*before.parts, *now.parts))
        if before.parts.get(name) != now.parts.get(name)
    ]
    more = len(told) - MOST_TOLD
    return ", ".join(told[:MOST_TOLD]) + (f", and {more} more" if more > 0 else "")


def _told(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [sample.model_dump(mode="json", exclude={"line"}) for sample in samples]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named_files(plan: Plan) -> dict[str, str]:
    """Digests of the files and folders that options name, such as a reward's."""
    found = {name: named_digest(value) for name, value in plan.method_options.items()}
    return {f"content of {name}": digest for name, digest in found.items() if digest}
