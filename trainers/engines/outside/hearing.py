"""Turns a program's lines into events of this run."""

from __future__ import annotations

from advisor.contracts import Tools
from advisor.schema.train import DevPoint, LossPoint, TrainEvent
from trainers.engines.outside.log_lines import Logged, logged


class Hearing:
    """Counts steps by the losses told, one a step: every recipe asks for that."""

    def __init__(self, tools: Tools, planned: int, first: int, notes: tuple[str, ...]) -> None:
        self._tools = tools
        self.first = first
        """The step that training goes on from; 0 for a fresh start."""
        self.step = first
        self.total = planned
        self.notes = notes
        self.went_wrong = False
        """A loss was no number."""
        self.evaluations: list[DevPoint] = []
        self._points: list[LossPoint] = []
        kind = "resume" if first else "start"
        tools.emit(TrainEvent(kind=kind, step=first, total_steps=planned))
        for note in notes:
            tools.emit(TrainEvent(kind="note", step=first, total_steps=planned, message=note))

    @property
    def curve(self) -> tuple[LossPoint, ...]:
        """The losses heard."""
        return tuple(self._points)

    def hear(self, line: str) -> None:
        """Take one line."""
        told = None if self.went_wrong else logged(line)
        if told is not None:
            self._take(told)

    def should_stop(self) -> bool:
        """Whether the run is to stop, or the losses have gone wrong."""
        return self.went_wrong or self._tools.should_stop()

    def _take(self, told: Logged) -> None:
        if not told.is_finite:
            self.went_wrong = True
            return
        if told.loss is not None:
            self.step += 1
            self.total = max(self.total, self.step)
            self._points.append(LossPoint(step=self.step, loss=told.loss))
            self._emit("step", told)
        elif told.dev_loss is not None:
            self.evaluations.append(DevPoint(step=self.step, loss=told.dev_loss))
            self._emit("evaluation", told)

    def _emit(self, kind: str, told: Logged) -> None:
        self._tools.emit(
            TrainEvent.model_validate(
                {
                    "kind": kind,
                    "step": self.step,
                    "total_steps": self.total,
                    "loss": told.loss,
                    "learning_rate": told.rate,
                    "gradient_norm": told.norm,
                    "dev_loss": told.dev_loss,
                }
            )
        )
