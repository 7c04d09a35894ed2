"""From which checkpoint an interrupted run goes on: the newest that holds everything it needs."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers.trainer_pt_utils import safe_globals

from advisor.schema.plan import Plan
from trainers.engines.trl.checkpoints import (
    MEMORY,
    checkpoints,
    discard_but,
    fault_of,
    memory_of,
    step_of,
)
from trainers.engines.trl.failures import first_line

STATE = "trainer_state.json"
OPTIMIZER = "optimizer.pt"
SCHEDULE = "scheduler.pt"
RANDOM = "rng_state*.pth"
RANDOM_PARTS = ("python", "numpy", "cpu")
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    EOFError,
    UnpicklingError,
    SafetensorError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Restored:
    """Where a run goes on, and what it takes up; without a folder it begins anew."""

    folder: Path | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    """What was taken up, in words."""
    passed_over: tuple[str, ...] = ()
    """Checkpoints that could not be used, each with the reason."""

    @property
    def step(self) -> int:
        """Optimizer steps that are done."""
        return int(self.memory.get("step", 0))

    @property
    def path(self) -> str | None:
        """The folder as the library wants it."""
        return None if self.folder is None else str(self.folder)

    @property
    def sentence(self) -> str:
        """What is told when training goes on."""
        return f"Resumed at step {self.step} with {', '.join(self.told)}." if self.told else ""


def restorable(output_dir: Path, digest: str, plan: Plan) -> Restored:
    """The newest checkpoint of this job that can be gone on from; what is newer is deleted.

    Raises StorageError never: what cannot be read is passed over.
    """
    passed: list[str] = []
    every = checkpoints(output_dir)
    for at, folder in enumerate(every):
        why = _unfit(folder, digest, plan)
        if not why:
            memory = memory_of(folder)
            discard_but(output_dir, every[at:])
            return Restored(folder, memory, _told(folder, memory, plan), tuple(passed))
        passed.append(f"{folder.name} was passed over: {why}.")
    discard_but(output_dir, ())
    return Restored(passed_over=tuple(passed))


def _told(folder: Path, memory: dict[str, Any], plan: Plan) -> tuple[str, ...]:
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    samples = memory["step"] * samples_per_step(plan)
    looks = len(memory.get("points", ()))
    return (
        "the weights",
        f"the optimizer's state ({memory['optimizer_tensors']} tensors)",
        f"the schedule (learning rate {_rate(folder):.3g})",
        "the random state",
        f"the place in the data (epoch {state['epoch']:.2f}, {samples:,} rows seen)",
        *([f"{looks} look{'s' if looks > 1 else ''} at the dev split"] if looks else []),
    )


def samples_per_step(plan: Plan) -> int:
    """Rows that one optimizer step learns from, over all processes."""
    return plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus


def _rate(folder: Path) -> float:
    rates = _loaded(folder / SCHEDULE).get("_last_lr") or [float("nan")]
    return float(rates[0])


def _unfit(folder: Path, digest: str, plan: Plan) -> str:
    """Why training cannot go on from a checkpoint; empty where it can."""
    fault = fault_of(folder)
    if fault:
        return fault
    memory = memory_of(folder)
    strange = _strange(folder, memory, digest, plan)
    if strange:
        return strange
    try:
        return _state_fault(folder) or _parts_fault(folder, memory)
    except UNREADABLE as error:
        return f"it cannot be read ({first_line(error)})"


def _strange(folder: Path, memory: dict[str, Any], digest: str, plan: Plan) -> str:
    """In what a checkpoint is another job's."""
    if memory.get("job") != digest:
        return "it belongs to another job"
    if memory.get("step") != step_of(folder):
        return f"{MEMORY} tells of another step"
    if memory.get("samples_per_step") != samples_per_step(plan):
        return "it was written with another batch size, so that its place in the data is lost"
    return ""


def _state_fault(folder: Path) -> str:
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    if state["global_step"] != step_of(folder):
        return f"{STATE} tells of step {state['global_step']}"
    for file in folder.glob("*.safetensors"):
        with safe_open(str(file), framework="pt") as weights:
            if not list(weights.keys()):
                return f"{file.name} holds no weights"
    return ""


def _parts_fault(folder: Path, memory: dict[str, Any]) -> str:
    """Optimizer, schedule and random state as far as this way of training keeps them in a file."""
    if (folder / OPTIMIZER).is_file():
        groups = _loaded(folder / OPTIMIZER)["param_groups"]
        tensors = sum(len(group["params"]) for group in groups)
        if (len(groups), tensors) != (memory["optimizer_groups"], memory["optimizer_tensors"]):
            return f"{OPTIMIZER} is of {tensors} tensors, not {memory['optimizer_tensors']}"
    elif not any(folder.glob("optimizer*")):
        return f"{OPTIMIZER} is missing"
    schedule = _loaded(folder / SCHEDULE)
    if schedule.get("last_epoch") != memory["schedule_step"]:
        return f"{SCHEDULE} stands at step {schedule.get('last_epoch')}"
    states = sorted(folder.glob(RANDOM))
    if not states:
        return "the random state is missing"
    for file in states:
        if not set(RANDOM_PARTS) <= set(_loaded(file)):
            return f"{file.name} lacks a random state"
    return ""


def _loaded(file: Path) -> dict[str, Any]:
    """An archive of the library, its check sums compared, without running code from it."""
    with zipfile.ZipFile(file) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise ValueError(f"{file.name} is damaged")
    with safe_globals():
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(found, dict):
        raise TypeError(f"{file.name} holds no states")
    return found
