"""Tells a run that is broken from one that is merely rough, step by step, before weights change.

Ordinary runs must never trip a rule: `tests/trainers/test_faults.py` holds them against many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any

from advisor.errors import (
    DivergedError,
    ExplodingGradientError,
    NonFiniteLossError,
    NothingToLearnError,
    TrainingError,
)
from advisor.schema.plan import Plan

NORMS_KEPT = 50
NORMS_NEEDED = 10
"""Before so many norms are known none is called large."""
NORM_FACTOR = 50.0
LARGE_IN_A_ROW = 5
SCALER_PATIENCE = 20
"""Infinite norms in a row that float16's loss scaling may take to find its scale."""
LOSSES_KEPT = 7
LOSS_FACTOR = 2.0
LOSS_RISE = 3.0
"""Nats above twice the loss at the beginning where training is no longer rough but broken."""
LEAST_BEGAN = 3.0
"""Taken for the loss at the beginning where no dev loss is known and the first batch was easy."""
DEV_FACTOR = 1.5
DEV_RISE = 1.0
"""Nats above one and a half times the dev loss before training, where the training loss rises too:
a dev loss that rises while the training loss falls is over-fitting, and no fault."""
ZERO_STEPS = 3
DEAD_STEPS = 5
"""Steps in a row with a gradient of exactly 0 although there is a loss: no step helps any more."""
LEAST_DEAD = 0.05
"""Below this loss a gradient of exactly 0 is that of a batch known by heart."""
LONG = 30
LONG_FACTOR = 1.2
LONG_RISE = 0.5
"""Nats above 1.2 times the dev loss before training where the loss of so many steps may not stay.
"""
FIELDS = ("first", "dev_before", "large", "infinite", "zeros", "dead")


@dataclass
class FaultWatch:
    """Looks at every step's loss and gradient norm; raises a TrainingError at a fault."""

    plan: Plan
    norms: deque[float] = field(default_factory=lambda: deque(maxlen=NORMS_KEPT))
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=LONG))
    usual_rate: float | None = None
    """The learning rate that is known to suit such a plan."""
    first: float | None = None
    """The loss of the first step."""
    dev_before: float = 0.0
    large: int = 0
    infinite: int = 0
    zeros: int = 0
    dead: int = 0

    def history(self) -> dict[str, Any]:
        """What a run that goes on must know of the steps before."""
        kept = {name: getattr(self, name) for name in FIELDS}
        return kept | {"norms": list(self.norms), "losses": list(self.losses)}

    def recall(self, history: Mapping[str, Any]) -> None:
        """Take up the history of the steps before."""
        for name in FIELDS:
            setattr(self, name, history.get(name, getattr(self, name)))
        self.norms.extend(history.get("norms", ()))
        self.losses.extend(history.get("losses", ()))

    def see(self, step: int, loss: float, norm: float | None) -> None:
        """Take one step's values, in order of steps."""
        if not isfinite(loss):
            raise self._non_finite(step, loss)
        self._see_zero(step, loss, norm)
        self._see_loss(step, loss)
        if norm is not None:
            self._see_norm(step, norm)

    def _see_zero(self, step: int, loss: float, norm: float | None) -> None:
        self.zeros = self.zeros + 1 if loss == 0 and not norm else 0
        if self.zeros == step == ZERO_STEPS:
            raise NothingToLearnError(
                f"Loss and gradient are exactly 0 in the first {step} steps: nothing is learned.",
                hint=self._why_zero(),
                where=f"step {step}",
            )
        self._see_dead(step, loss, norm)

    def _see_dead(self, step: int, loss: float, norm: float | None) -> None:
        """A gradient that was there and is gone; some methods never leave one to be seen."""
        self.dead = self.dead + 1 if norm == 0 and abs(loss) > LEAST_DEAD else 0
        if self.dead < DEAD_STEPS or not any(self.norms):
            return
        began = "" if self.first is None else f" (it began at {self.first:.3g})"
        raise DivergedError(
            f"The gradient is exactly 0 for {self.dead} steps, and the loss stays at"
            f" {loss:.3g}{began}: training has diverged and cannot come back.",
            hint=self._lower_rate(),
            where=f"step {step}",
        )

    def _why_zero(self) -> str:
        if self.plan.objective == "grpo":
            return (
                "All completions of a prompt got the same reward; use a reward that tells them"
                " apart, or easier prompts."
            )
        return (
            "No token counts in the loss: check that samples have answers and that"
            f" sequence_length {self.plan.sequence_length} does not cut them off."
        )

    def _see_loss(self, step: int, loss: float) -> None:
        if self.first is None:
            self.first = loss
        self.losses.append(loss)
        began = max(abs(self.first), self.dev_before or LEAST_BEGAN)
        now = median(self._lately())
        if len(self.losses) >= LOSSES_KEPT and now > LOSS_FACTOR * began + LOSS_RISE:
            raise self._diverged(step, f"The loss rose from {self.first:.3g} to {now:.3g}")
        self._see_long(step, began)

    def _lately(self) -> list[float]:
        return list(self.losses)[-LOSSES_KEPT:]

    def _see_long(self, step: int, began: float) -> None:
        """A loss that stays above where it began; with general data that is no sign."""
        if not self.dev_before or self.plan.general_share or len(self.losses) < LONG:
            return
        stays = median(self.losses)
        if stays > LONG_FACTOR * began + LONG_RISE:
            told = f"The loss stays at {stays:.3g} for {LONG} steps, above the {began:.3g} at first"
            raise self._diverged(step, told)

    def see_look(self, step: int, dev_loss: float | None) -> None:
        """Take the dev loss of a look; that of step 0 is what later ones are held against."""
        if dev_loss is None:
            return
        if step == 0:
            self.dev_before = abs(dev_loss)
            return
        rises = self.first is not None and self.losses and median(self._lately()) > abs(self.first)
        if not isfinite(dev_loss) or (
            rises and self.dev_before and dev_loss > DEV_FACTOR * self.dev_before + DEV_RISE
        ):
            told = f"The dev loss rose from {self.dev_before:.3g} to {dev_loss:.3g}"
            raise self._diverged(step, told)

    def _diverged(self, step: int, told: str) -> TrainingError:
        return DivergedError(
            f"{told} by step {step}: training diverges.",
            hint=self._lower_rate(),
            where=f"step {step}",
        )

    def _see_norm(self, step: int, norm: float) -> None:
        if not isfinite(norm):
            self.infinite += 1
            if not self._is_scaled() or self.infinite >= SCALER_PATIENCE:
                raise self._exploded(step, f"The gradient's norm is {norm} at step {step}.")
            return
        self.infinite = 0
        usual = median(self.norms) if len(self.norms) >= NORMS_NEEDED else None
        if usual is None or norm <= NORM_FACTOR * max(usual, self.plan.max_gradient_norm):
            self.large = 0
            self.norms.append(norm)
            return
        self.large += 1
        if self.large >= LARGE_IN_A_ROW:
            told = f"The gradient's norm is {norm:.3g} at step {step}, {norm / usual:.0f} times"
            raise self._exploded(
                step, f"{told} what was usual, for {LARGE_IN_A_ROW} steps in a row."
            )

    def _exploded(self, step: int, told: str) -> TrainingError:
        return ExplodingGradientError(told, hint=self._lower_rate(), where=f"step {step}")

    def _non_finite(self, step: int, loss: float) -> TrainingError:
        return NonFiniteLossError(
            f"The loss is {loss} at step {step}.", hint=self._why_not_finite(), where=f"step {step}"
        )

    def _why_not_finite(self) -> str:
        if self._is_scaled():
            return "Set precision to bfloat16 or float32: float16 cannot hold large values."
        return f"{self._lower_rate()} If it stays, look for empty or broken rows in the data."

    def _lower_rate(self) -> str:
        rate, usual = self.plan.learning_rate, self.usual_rate
        if usual is not None and usual < rate:
            advised = f"--learning-rate {usual:g}, the recipe's, instead of {rate:g}"
        else:
            advised = f"--learning-rate {rate / 10:.1g} instead of {rate:g}"
        return (
            f"Lower the rate: {advised}; or raise warmup_share ({self.plan.warmup_share:g})."
            " The same command again would go the same way."
        )

    def _is_scaled(self) -> bool:
        """Whether losses are scaled because float16 is computed in."""
        return "float16" in (self.plan.precision, self.plan.compute_precision)
