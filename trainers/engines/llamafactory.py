"""LLaMA-Factory: the job in its YAML, trained by its program where that is installed."""

from __future__ import annotations

from advisor.contracts import Tools, TrainerInfo
from advisor.schema.train import TrainJob, TrainResult
from trainers.engines.outside.devices import processes_of
from trainers.engines.outside.engine import Program, missing, recipe_of, train_outside
from trainers.engines.recipes import Recipe, llamafactory_config
from trainers.engines.recipes.llamafactory import CONFIG_FILE, METHODS, NAME, STAGES
from trainers.engines.recipes.spread import STAGES as STAGES_OF_ZERO


def _environment(job: TrainJob) -> dict[str, str]:
    """How many processes it starts; DeepSpeed asks for torchrun with one, too."""
    count = processes_of(job.plan)
    is_spread = count > 1 or job.plan.strategy in STAGES_OF_ZERO
    forced = {"FORCE_TORCHRUN": "1"} if is_spread else {}
    return forced | {"NPROC_PER_NODE": str(count)}


LLAMAFACTORY = Program(
    id="llamafactory",
    name=NAME,
    command=lambda _job: ("llamafactory-cli", "train", CONFIG_FILE),
    package="llamafactory",
    install="its own environment: pip install llamafactory",
    config_file=CONFIG_FILE,
    recipe=llamafactory_config,
    on_path="llamafactory-cli",
    environment=_environment,
)


class LlamaFactoryTrainer:
    """Writes a job for LLaMA-Factory and runs it."""

    info = TrainerInfo(
        id="llamafactory",
        label="LLaMA-Factory's program, or files for it",
        pairs=tuple((objective, method) for objective in STAGES for method in METHODS),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train by LLaMA-Factory's program; raises as `train_outside` does."""
        return train_outside(job, tools, LLAMAFACTORY)

    def missing(self) -> str:
        """Its program, where that is not installed; files for it are written all the same."""
        return missing(LLAMAFACTORY)

    def recipe(self, job: TrainJob) -> Recipe:
        """What is written for LLaMA-Factory; raises PlanError and DatasetError."""
        return recipe_of(job, LLAMAFACTORY)
