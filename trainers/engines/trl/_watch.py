"""Watches a training run: events, checkpoints, the clock, and the loss staying finite."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from advisor.contracts import Tools
from advisor.errors import NonFiniteLossError
from advisor.schema.train import TrainEvent
from trainers.engines.ledger import CHECKPOINT_PREFIX, Ledger, Progress
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl.checkpoints import mark_complete
from trainers.engines.trl.watched import Watched, watched

__all__ = ["Watch", "Watched", "watched"]

CHECKPOINTS_PER_RUN = 10
CHECKPOINT_SECONDS = 20.0
SAVING_SHARE = 0.1
"""Saving may take this share of the time, so that large models are not saved all the time."""
PROGRESS_SECONDS = 2.0


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells the tools how far training is, and the ledger what must survive a kill."""

    def __init__(
        self, ledger: Ledger, progress: Progress, memory: MemoryWatch, tools: Tools
    ) -> None:
        self._ledger = ledger
        self._before = progress
        self._memory = memory
        self._tools = tools
        self._began = self._saved_at = self._noted_at = self._logged_at = time.perf_counter()
        self._saving_seconds = 0.0
        self._trainer: Any = None
        self.dev_loss_before = progress.dev_loss_before
        """Loss on the dev samples before the first step, kept over interruptions."""
        self.is_stopped = False
        """The tools asked to stop, and a checkpoint was written."""

    @property
    def trainer(self) -> Any:
        """The trainer that is watched; set before training."""
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: Any) -> None:
        self._trainer = trainer
        trainer.on_step = self._checked

    def _checked(self, loss: float, _norm: float | None) -> None:
        """Stop at the first loss that is not a number."""
        if math.isfinite(loss):
            return
        step = self.trainer.state.global_step + 1
        raise NonFiniteLossError(
            f"The loss is {loss} at step {step}.",
            hint="Lower the learning rate, or load the model in float32 or bfloat16.",
            where=f"step {step}",
        )

    def progress(self, step: int) -> Progress:
        """Totals over all sessions of this job up to now."""
        peaks = [self._memory.peak_gib, self._before.peak_memory_gib or 0.0]
        return Progress(
            job=self._before.job,
            wall_seconds=self._before.wall_seconds + time.perf_counter() - self._began,
            tokens=self._before.tokens + self.trainer.tokens_seen,
            peak_memory_gib=max(peaks),
            step=step,
            dev_loss_before=self.dev_loss_before,
        )

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start the clock."""
        self._began = self._saved_at = self._noted_at = time.perf_counter()
        kind = "resume" if state.global_step else "start"
        self._tools.emit(TrainEvent(kind=kind, step=state.global_step, total_steps=state.max_steps))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide on saving and stopping; only where the loss is logged, so that none is lost."""
        now = time.perf_counter()
        if now - self._noted_at > PROGRESS_SECONDS:
            self._noted_at = now
            self._ledger.save(self.progress(state.global_step))
        if state.global_step >= state.max_steps:
            control.should_log = True
            return
        if state.global_step % args.logging_steps:
            return
        if self._tools.should_stop():
            self.is_stopped = True
            control.should_training_stop = True
        control.should_save = self.is_stopped or self._is_due(state, args.logging_steps, now)

    def _is_due(self, state: Any, logging_steps: int, now: float) -> bool:
        since = now - self._saved_at
        if since < self._saving_seconds / SAVING_SHARE:
            return False
        logs = state.max_steps // CHECKPOINTS_PER_RUN // logging_steps
        every = max(1, logs) * logging_steps
        return since >= CHECKPOINT_SECONDS or state.global_step % every == 0

    def on_log(self, _args: Any, state: Any, _control: Any, **named: Any) -> None:
        """Pass the loss on."""
        logs = named.get("logs") or {}
        if "loss" not in logs:
            return
        seconds = time.perf_counter() - self._began
        self._tools.emit(
            TrainEvent(
                kind="step",
                step=state.global_step,
                total_steps=state.max_steps,
                loss=float(logs["loss"]),
                tokens_per_second=self.trainer.tokens_seen / seconds if seconds > 0 else None,
                memory_gib=self._memory.now_gib,
            )
        )
        self._logged_at = time.perf_counter()

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Vouch for the checkpoint that was just written."""
        folder = Path(args.output_dir) / f"{CHECKPOINT_PREFIX}{state.global_step}"
        mark_complete(folder)
        self._ledger.save(self.progress(state.global_step))
        self._saved_at = time.perf_counter()
        self._saving_seconds = self._saved_at - self._logged_at
        self._tools.emit(
            TrainEvent(
                kind="checkpoint",
                step=state.global_step,
                total_steps=state.max_steps,
                message=folder.name,
            )
        )
