"""The recipe file: everything that decides what the trained weights are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from examples.pretrain_tiny.network import Shape


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one mixture."""

    name: str
    steps: int
    tokens_per_step: int
    lengths: dict[int, float]
    rate: float
    """Factor of the learning rates at the first step."""
    rate_end: float
    """Factor after the last step; between them it changes evenly."""
    random_share: float
    mixture: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """Seed, sizes, learning rates and phases."""

    seed: int
    shape: Shape
    tokenizer_samples: int
    tokenizer_seed: int
    matrix_rate: float
    other_rate: float
    warm_up_steps: int
    phases: tuple[Phase, ...]

    @property
    def total_steps(self) -> int:
        """Steps of all phases together."""
        return sum(phase.steps for phase in self.phases)

    def _place(self, step: int) -> tuple[Phase, int]:
        """The phase a step belongs to and the number of the step in it."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step
            step -= phase.steps
        return self.phases[-1], self.phases[-1].steps

    def phase_at(self, step: int) -> Phase:
        """The phase a step belongs to."""
        return self._place(step)[0]

    def rate_factor(self, step: int) -> float:
        """Learning-rate factor: linear warm-up at the very start, then what the phase says."""
        phase, inside = self._place(step)
        warm = min(1.0, (step + 1) / self.warm_up_steps)
        return warm * (phase.rate + (phase.rate_end - phase.rate) * inside / phase.steps)


def parse_recipe(data: dict[str, Any]) -> Recipe:
    """Build a recipe from the parsed file."""
    phases = tuple(Phase(**phase) for phase in data["phases"])
    tokenizer, rates = data["tokenizer"], data["learning_rate"]
    return Recipe(
        seed=data["seed"],
        shape=Shape(**data["shape"]),
        tokenizer_samples=tokenizer["samples"],
        tokenizer_seed=tokenizer["seed"],
        matrix_rate=rates["matrices"],
        other_rate=rates["others"],
        warm_up_steps=rates["warm_up_steps"],
        phases=phases,
    )


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file."""
    return parse_recipe(yaml.safe_load(path.read_text(encoding="utf-8")))
