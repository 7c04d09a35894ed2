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
    decay_steps: int
    phases: tuple[Phase, ...]

    @property
    def total_steps(self) -> int:
        """Steps of all phases together."""
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> Phase:
        """The phase a step belongs to."""
        for phase in self.phases:
            if step < phase.steps:
                return phase
            step -= phase.steps
        return self.phases[-1]

    def rate_factor(self, step: int) -> float:
        """Learning-rate factor: linear warm-up, the phase's plateau, linear decay to zero."""
        warm = min(1.0, (step + 1) / self.warm_up_steps)
        decay = min(1.0, (self.total_steps - step) / self.decay_steps)
        return warm * decay * self.phase_at(step).rate


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
        decay_steps=rates["decay_steps"],
        phases=phases,
    )


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file."""
    return parse_recipe(yaml.safe_load(path.read_text(encoding="utf-8")))
