"""What several processes need to train as one: they join, agree, and wait for each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from advisor.errors import TrainingError
from advisor.schema.plan import Plan

PATIENCE = timedelta(hours=12)
"""Others may generate answers or save a large model; a process that has died is noticed at once."""
_talk: list[Any] = []
"""The group by which processes agree; always on the CPU."""


def is_first() -> bool:
    """Whether this process speaks and writes for all."""
    return not dist.is_initialized() or dist.get_rank() == 0


def agreed(value: Any) -> Any:
    """What the first process says; all processes must ask at the same point."""
    if not dist.is_initialized():
        return value
    said = [value]
    dist.broadcast_object_list(said, src=0, group=_talk[0])
    return said[0]


def together() -> None:
    """Wait until all processes have come this far."""
    if dist.is_initialized():
        dist.barrier(group=_talk[0])


def summed(values: list[float]) -> list[float]:
    """The sums over all processes."""
    if not dist.is_initialized():
        return values
    numbers = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(numbers, group=_talk[0])
    return [float(number) for number in numbers]


@contextmanager
def joined(plan: Plan) -> Iterator[None]:
    """The processes of a plan as one group, for the time of the block.

    Raises TrainingError when there are not as many as planned, or fewer GPUs than processes.
    """
    on_gpu = torch.cuda.is_available()
    local, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if on_gpu:
        if torch.cuda.device_count() < here:
            raise TrainingError(
                f"The plan needs {here} GPUs in this machine; it has {torch.cuda.device_count()}.",
                hint="Plan for as many as there are with --gpus, or use --launcher.",
            )
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    _talk[:] = [dist.new_group(backend="gloo", timeout=PATIENCE)]
    try:
        check_world(dist.get_world_size(), plan)
        yield
    finally:
        _talk.clear()
        if dist.is_initialized():
            dist.destroy_process_group()


def check_world(size: int, plan: Plan) -> None:
    """Raise TrainingError unless as many processes train together as the plan says."""
    if size != plan.gpus:
        raise TrainingError(
            f"{size} processes train together, and the plan is for {plan.gpus}.",
            hint="Start it with `advisor train`, which starts one process for each GPU.",
        )
