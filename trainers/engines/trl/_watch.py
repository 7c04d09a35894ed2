"""Watches a training run: events, looks at the dev split, checkpoints, the clock, and faults."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from advisor.contracts import Tools
from advisor.schema.train import DevPoint, TrainEvent
from trainers.engines.ledger import CHECKPOINT_PREFIX, Ledger, Progress, write_whole
from trainers.engines.trl._looks import Looks
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl._restore import Restored, samples_per_step
from trainers.engines.trl.checkpoints import MEMORY, is_complete, mark_complete, tidy
from trainers.engines.trl.faults import FaultWatch
from trainers.engines.trl.watched import Watched, watched

__all__ = ["Watch", "Watched", "watched"]

CHECKPOINTS_PER_RUN = 10
CHECKPOINT_SECONDS = 20.0
SAVING_SHARE = 0.1
"""Saving may take this share of the time, so that large models are not saved all the time."""
PROGRESS_SECONDS = 10.0


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells the tools how far training is, and the ledger what must survive a kill."""

    def __init__(
        self, ledger: Ledger, progress: Progress, memory: MemoryWatch, tools: Tools, looks: Looks
    ) -> None:
        self._ledger = ledger
        self._before = progress
        self._memory = memory
        self._tools = tools
        self.looks = looks
        self._faults = FaultWatch(looks.plan)
        self._trainer: Any = None
        self._saved_at = self._noted_at = time.perf_counter()
        self._saving_seconds = 0.0
        self._restored = Restored()
        self.notes: list[str] = []
        """What was remarked while training."""
        self.general_loss_before = progress.general_loss_before
        """Loss on the probe of general samples before the first step, kept over interruptions."""
        self.ended_early = ""
        """Why training ended before its last step."""
        self.is_stopped = False
        """The tools asked to stop, and a checkpoint was written."""
        self._is_asked_to_stop = False

    @property
    def trainer(self) -> Any:
        """The trainer that is watched; set before training."""
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: Any) -> None:
        self._trainer = trainer
        trainer.on_step = self._see_step
        trainer.look = self._look

    def _see_step(self, loss: float, norm: float | None) -> None:
        self._faults.see(self.trainer.state.global_step + 1, loss, norm)

    def begin(self, restored: Restored, *, usual_rate: float | None = None) -> None:
        """Take up what a checkpoint holds, or look at the dev split before the first step.

        `usual_rate` is the learning rate that is advised where training diverges.
        """
        self._restored = restored
        self.looks.restore(restored.memory.get("points", ()))
        self.notes = list(restored.memory.get("notes", ()))
        self._faults.recall(restored.memory.get("faults", {}))
        self._faults.usual_rate = usual_rate
        if restored.folder is None:
            point = self.looks.make(self.trainer, 0)
            if point.loss is None and point.score is None:
                self.looks.points.clear()
                return
            self._tell(point, 0)
        self._faults.see_look(0, self._loss_at(0))

    def progress(self, step: int) -> Progress:
        """Totals over all sessions of this job up to now."""
        before, clock = self._before, self.trainer.clock
        return before.model_copy(
            update={
                "wall_seconds": before.wall_seconds + clock.seconds,
                "steps_seconds": before.steps_seconds + clock.steps,
                "evaluation_seconds": before.evaluation_seconds + clock.evaluation,
                "saving_seconds": before.saving_seconds + clock.saving,
                "tokens": before.tokens + self.trainer.tokens_seen,
                "peak_memory_gib": max(self._memory.peak_gib, before.peak_memory_gib or 0.0),
                "step": step,
                "dev_loss_before": self._loss_at(0),
                "general_loss_before": self.general_loss_before,
            }
        )

    def _loss_at(self, step: int) -> float | None:
        return next((point.loss for point in self.looks.points if point.step == step), None)

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start the clock; take up losses that were not yet logged, and a look that is due."""
        trainer, step = self.trainer, state.global_step
        trainer.clock.start()
        self._saved_at = self._noted_at = time.perf_counter()
        kind = "resume" if step else "start"
        told = self._restored.sentence if step else ""
        self._tools.emit(
            TrainEvent(kind=kind, step=step, total_steps=state.max_steps, message=told)
        )
        if not step:
            return
        memory = self._restored.memory  # the library forgets what it has not logged
        trainer._tr_loss += memory.get("unlogged_loss", 0.0)  # noqa: SLF001
        trainer._globalstep_last_logged = step - memory.get("unlogged_steps", 0)  # noqa: SLF001
        if "draws" in memory:  # what is left of a draw is drawn anew
            trainer._step = memory["draws"]  # noqa: SLF001 - tells it when to draw
        if self.looks.is_due(step, state.max_steps):
            trainer.evaluate()

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide on looking, saving and stopping."""
        step, now = state.global_step, time.perf_counter()
        if now - self._noted_at > PROGRESS_SECONDS and state.is_world_process_zero:
            self._noted_at = now
            self._ledger.save(self.progress(step))
        control.should_evaluate = self.looks.is_due(step, state.max_steps)
        if step >= state.max_steps:
            control.should_log = True
            return
        self._is_asked_to_stop |= self._tools.should_stop()
        if self._is_within_draw():
            return
        self.is_stopped = self._is_asked_to_stop
        is_due = self._agreed(is_due=self._is_due(state, now))
        if self.is_stopped:
            control.should_training_stop = True
            control.should_evaluate = False  # made when training goes on
        control.should_save = self.is_stopped or is_due

    def _is_within_draw(self) -> bool:
        """Whether completions that were drawn are still to be learnt from.

        No checkpoint holds them: going on from here would draw others.
        """
        trainer = self.trainer
        each = getattr(trainer.args, "steps_per_generation", None)
        if not each or not hasattr(trainer, "_step"):
            return False
        return bool(trainer._step % (each * trainer.num_iterations))  # noqa: SLF001 - told nowhere else

    def _agreed(self, *, is_due: bool) -> bool:
        """What the first process says: clocks differ, and all must save together."""
        if self.trainer.accelerator.num_processes == 1:
            return is_due
        from trainers.engines.trl._ranks import agreed  # noqa: PLC0415 - it is not always there

        return bool(agreed(is_due))

    def _is_due(self, state: Any, now: float) -> bool:
        since = now - self._saved_at
        if since < self._saving_seconds / SAVING_SHARE:
            return False
        every = max(1, state.max_steps // CHECKPOINTS_PER_RUN)
        return since >= CHECKPOINT_SECONDS or state.global_step % every == 0

    def _look(self) -> Mapping[str, float]:
        """Look at the dev split; keep what is best, end where nothing gets better."""
        state, control = self.trainer.state, self.trainer.control
        point = self.looks.make(self.trainer, state.global_step)
        self._tell(point, state.max_steps)
        self._faults.see_look(point.step, point.loss)
        remark = self.looks.remark()
        if remark and not self.notes:
            self.notes.append(remark)
            self._tools.emit(TrainEvent(kind="note", step=point.step, message=remark))
        is_last = point.step >= state.max_steps
        self.ended_early = "" if is_last else self.looks.end_reason()
        if self.ended_early:
            control.should_training_stop = control.should_log = True
        if self.looks.is_best(point) and not is_last:
            control.should_save = True
        found = {"eval_loss": point.loss, f"eval_{self.looks.metric or 'metric'}": point.score}
        return {name: value for name, value in found.items() if value is not None}

    def _tell(self, point: DevPoint, total: int) -> None:
        self._tools.emit(
            TrainEvent(
                kind="evaluation",
                step=point.step,
                total_steps=total,
                dev_loss=point.loss,
                score=point.score,
            )
        )

    def on_log(self, _args: Any, state: Any, _control: Any, **named: Any) -> None:
        """Pass the loss on."""
        logs = named.get("logs") or {}
        if "loss" not in logs:
            return
        seconds = self.trainer.clock.steps
        norm = logs.get("grad_norm")
        self._tools.emit(
            TrainEvent(
                kind="step",
                step=state.global_step,
                total_steps=state.max_steps,
                loss=float(logs["loss"]),
                learning_rate=logs.get("learning_rate"),
                gradient_norm=None if norm is None else float(norm),
                tokens_per_second=self.trainer.tokens_seen / seconds if seconds > 0 else None,
                memory_gib=self._memory.now_gib,
            )
        )

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Vouch for the checkpoint that was just written, and drop those no longer needed."""
        folder = Path(args.output_dir) / f"{CHECKPOINT_PREFIX}{state.global_step}"
        self.trainer.accelerator.wait_for_everyone()
        if not state.is_world_process_zero:
            return
        clock = self.trainer.clock
        with clock.aside("saving", more=True):
            write_whole(folder / MEMORY, json.dumps(self._memory_of(state)))
            mark_complete(folder)
            tidy(folder.parent)
        self._ledger.save(self.progress(state.global_step))
        self._saving_seconds, self._saved_at = clock.last_saving, time.perf_counter()
        self._tools.emit(
            TrainEvent(
                kind="checkpoint",
                step=state.global_step,
                total_steps=state.max_steps,
                message=folder.name,
            )
        )

    def _memory_of(self, state: Any) -> dict[str, Any]:
        """What a run that goes on from here must know beyond the library's own files."""
        trainer = self.trainer
        groups = trainer.optimizer.param_groups
        best = self.looks.choice.best(self.looks.points)
        return {
            "job": self._ledger.digest,
            "step": state.global_step,
            "points": [point.model_dump() for point in self.looks.points],
            "best_step": None if best is None else best.step,
            "unlogged_loss": float(trainer._tr_loss),  # noqa: SLF001 - kept nowhere else
            "unlogged_steps": state.global_step - trainer._globalstep_last_logged,  # noqa: SLF001
            **({"draws": trainer._step} if hasattr(trainer, "_step") else {}),  # noqa: SLF001
            "samples_per_step": samples_per_step(self.looks.plan),
            "optimizer_groups": len(groups),
            "optimizer_tensors": sum(len(group["params"]) for group in groups),
            "schedule_step": getattr(trainer.lr_scheduler, "last_epoch", None),
            "faults": self._faults.history(),
            "notes": self.notes,
        }

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Stop the clock."""
        self.trainer.clock.stop()

    def keep_best(self) -> dict[str, Any]:
        """Put the chosen weights into the model; gives the fields of the result that tell of it."""
        last, points = self.trainer.state.global_step, self.looks.points
        step, why = self.looks.choice.kept(points, last)
        folder = self._ledger.folder / f"{CHECKPOINT_PREFIX}{step}"
        if step != last and not is_complete(folder):
            self.notes.append(f"The checkpoint of step {step}, {why}, is gone.")
            step, why = last, "the last step: the best one's checkpoint is gone"
        if step != last:
            self.trainer._load_from_checkpoint(str(folder))  # noqa: SLF001 - as resuming does
        return {
            "metric": self.looks.metric,
            "evaluations": tuple(points),
            "kept_step": step,
            "kept_by": why,
            "ended_early": self.ended_early,
            "restored": self._restored.told,
            "dev_loss_before": self._loss_at(0),
            "dev_loss_after": self._loss_after(step),
        }

    def _loss_after(self, step: int) -> float | None:
        """The dev loss of what was kept; looked at anew where no look was made there."""
        known = self._loss_at(step)
        if known is not None or not self.looks.points:
            return known
        return self.looks.loss(self.trainer)
