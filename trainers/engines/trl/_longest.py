"""Two real optimizer steps on the longest batch, after which nothing is as if it had not been."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import DefaultFlowCallback

from advisor.errors import (
    NonFiniteLossError,
    NothingToLearnError,
    OutOfMemoryError,
    TrainingError,
)
from advisor.schema.plan import Plan
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._generate import undisturbed
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl._ranks import summed
from trainers.engines.trl._traceless import as_it_was, own_part
from trainers.engines.trl.failures import told

STEPS = 2
"""The first makes the optimizer's states, the second has them beside everything else."""
DRAWING = ("grpo", "rloo")
"""Objectives whose batches are drawn at once for a whole step; accumulation is memory there."""
PROBE_FOLDER = "preflight"


@dataclass(frozen=True)
class Probe:
    """What the steps took."""

    peak_gib: float | None
    """None where memory ran out."""
    before_gib: float
    """Memory in use before the first step: libraries, weights, rows."""
    seconds_per_step: float | None = None
    state_bytes: int = 0
    """The optimizer's states."""
    loss: float | None = None


class _Timed(TrainerCallback):  # type: ignore[misc]
    """Times the parts of each step and looks at the gradients before they are used."""

    def __init__(self, *, may_be_still: bool) -> None:
        self._may_be_still = may_be_still
        self._marks: list[float] = []
        self.forward_backward = self.update = 0.0
        self.first = 0.0
        """Forward and backward of the first step, where completions may have been drawn."""
        self.state_bytes = 0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """The clock of a step starts."""
        self._marks = [_now()]

    def on_pre_optimizer_step(self, *_: Any, model: Any = None, **__: Any) -> None:
        """Gradients are complete."""
        self._marks.append(_now())
        check_gradients(model, may_be_still=self._may_be_still)

    def on_step_end(self, *_: Any, optimizer: Any = None, **__: Any) -> None:
        """Keep the times of the latest step; the first one's hold the warming up."""
        begun, ready = self._marks
        self.first = self.first or ready - begun
        self.forward_backward, self.update = ready - begun, _now() - ready
        self.state_bytes = state_bytes(optimizer)

    def mean(self, steps_per_draw: int) -> float:
        """Seconds of forward and backward where every so many steps begin with drawing."""
        rest = self.forward_backward
        return rest if steps_per_draw == 1 else rest + (self.first - rest) / steps_per_draw


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def check_gradients(model: Any, *, may_be_still: bool) -> None:
    """Raise TrainingError or NothingToLearnError where no trained weight would move."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise TrainingError(
            "Nothing would be trained: no weight of the model asks for a gradient.",
            hint="Check the plan's method and its target modules.",
        )
    reached = [p for p in trained if p.grad is not None]
    if not reached:
        raise TrainingError(
            f"No gradient reaches any of the {len(trained)} trained tensors: training would run"
            " and learn nothing.",
            hint="Turn gradient checkpointing off, or choose another method.",
        )
    moved = summed([float(any(bool(own_part(p.grad).count_nonzero()) for p in reached))])[0]
    if not may_be_still and not moved:
        raise NothingToLearnError(
            f"The gradient of all {len(reached)} trained tensors is zero on the longest batch:"
            " training would learn nothing.",
            hint="Look at the rows: every label is masked, or the answers are empty.",
        )


def state_bytes(optimizer: Any) -> int:
    """Bytes of the tensors that an optimizer keeps."""
    inner = getattr(optimizer, "optimizer", optimizer)
    tensors = [t for kept in inner.state.values() for t in _tensors(kept)]
    return sum(t.numel() * t.element_size() for t in tensors)


def _tensors(kept: Any) -> Iterator[torch.Tensor]:
    if isinstance(kept, torch.Tensor):
        yield kept
    elif isinstance(kept, dict):
        for value in kept.values():
            yield from _tensors(value)


def longest(lengths: tuple[int, ...], count: int) -> list[int]:
    """Places of the longest rows, longest first."""
    return sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))[:count]


def accumulated(plan: Plan) -> int:
    """Micro-batches in a probed step: two, since the second one has gradients beside it.

    An objective that draws answers draws a whole step's at once; there it takes them all.
    """
    full = plan.gradient_accumulation_steps
    return full if plan.objective in DRAWING else min(2, full)


def take_steps(bench: Bench, plan: Plan, *, rows: Any = None) -> Probe:
    """Two steps at learning rate 0 with the plan's optimizer on its longest micro-batch.

    Of the bench's rows, or of others. On a CPU a step is given up as soon as the process holds
    more than is usable, before the system ends it. Weights, gradients, forward methods and random
    states are afterwards what they were. Beside the states of the optimizer the longest dev row is
    looked at. Raises OutOfMemoryError where other processes wait, NonFiniteLossError,
    NothingToLearnError and TrainingError for what a real run would run into at once.
    """
    dataset = bench.course.dataset if rows is None else rows
    lengths = bench.course.padded if rows is None else tuple(map(len, rows["input_ids"]))
    count = plan.micro_batch_size * accumulated(plan) * STEPS
    chosen = longest(lengths, plan.micro_batch_size)
    taken = dataset.select([chosen[i % len(chosen)] for i in range(count)])
    usable = bench.job.usable_memory_gib
    with as_it_was(bench.model), MemoryWatch() as memory, _fenced(bench.model, memory, usable):
        before = memory.now_gib
        try:
            timed, loss = _stepped(bench, plan, taken)
        except Exception as error:
            short = told(error, plan, bench.folder)
            if not isinstance(short, OutOfMemoryError):
                raise
            if plan.gpus > 1:  # others wait for this process within the step: all must end
                raise short from error
            timed, loss = None, None
        finally:
            shutil.rmtree(bench.folder / PROBE_FOLDER, ignore_errors=True)
        peak = memory.peak_gib
    if timed is None:
        return Probe(peak_gib=None, before_gib=before)
    batches = plan.gradient_accumulation_steps / accumulated(plan)
    return Probe(
        peak_gib=peak,
        before_gib=before,
        seconds_per_step=timed.mean(bench.course.steps_per_draw) * batches + timed.update,
        state_bytes=timed.state_bytes,
        loss=loss,
    )


@contextmanager
def _fenced(model: Any, memory: MemoryWatch, usable_gib: float | None) -> Iterator[None]:
    """Raise MemoryError within a forward pass that goes beyond the limit of main memory."""
    hooks = []
    if usable_gib is not None and memory.tier == "process" and memory.now_gib <= usable_gib:

        def look(*_: Any) -> None:
            if memory.now_gib > usable_gib:
                raise MemoryError

        hooks = [part.register_forward_pre_hook(look) for part in model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _stepped(bench: Bench, plan: Plan, rows: Any) -> tuple[_Timed, float | None]:
    probed = plan.model_copy(update={"gradient_accumulation_steps": accumulated(plan)})
    trainer = bench.build(probed, rows, bench.folder / PROBE_FOLDER)
    timed = _Timed(may_be_still=plan.objective in DRAWING)
    losses: list[float] = []
    _only_steps(trainer, timed)
    if plan.objective in DRAWING:
        _write_to_the_end(trainer)
    trainer.on_step = lambda loss, norm: losses.append(_finite(loss, norm, plan))
    try:
        trainer.train()
        with undisturbed(trainer.model):  # beside the optimizer's states, as looks are
            bench.course.longest_look(trainer)
    finally:
        noise = getattr(trainer, "neftune_hook_handle", None)
        if noise is not None:  # the library takes it away only after a whole run
            noise.remove()
        trainer.optimizer = trainer.lr_scheduler = None
        trainer.accelerator.free_memory()
    return timed, losses[-1] if losses else None


def _only_steps(trainer: Any, timed: _Timed) -> None:
    """Two steps in the order of the rows, at learning rate 0: no look, no file, no tracker."""
    trainer.args.learning_rate = 0.0
    trainer.args.max_steps = STEPS
    trainer.args.train_sampling_strategy = "sequential"
    trainer.args.save_strategy = trainer.args.eval_strategy = "no"
    if hasattr(trainer, "shuffle_dataset"):
        trainer.shuffle_dataset = False
    trainer.callback_handler.callbacks = [DefaultFlowCallback(), timed]


def _write_to_the_end(trainer: Any) -> None:
    """No completion ends before its last token, whatever the model would draw."""
    every = trainer.generation_config.max_new_tokens
    trainer.generation_config.min_new_tokens = every
    trainer.generation_kwargs = {**trainer.generation_kwargs, "min_new_tokens": every}


def _finite(loss: float, norm: float | None, plan: Plan) -> float:
    for what, value in (("loss", loss), ("gradient norm", norm)):
        if value is not None and not math.isfinite(value):
            raise NonFiniteLossError(
                f"The {what} is {value} on the longest batch, before anything was learnt.",
                hint=f"The weights, the rows or the precision ({plan.precision}) are at fault, not"
                " the learning rate: try bfloat16 or float32, and look at the longest rows.",
                where="pre-flight",
            )
    return loss
