"""Axolotl: the job in its YAML, trained by its program where that is installed."""

from __future__ import annotations

from advisor.contracts import Tools, TrainerInfo
from advisor.schema.train import TrainJob, TrainResult
from trainers.engines.outside.devices import processes_of
from trainers.engines.outside.engine import Program, missing, recipe_of, train_outside
from trainers.engines.recipes import Recipe, axolotl_config
from trainers.engines.recipes.axolotl import CONFIG_FILE, METHODS, NAME, OBJECTIVES


def _command(job: TrainJob) -> tuple[str, ...]:
    """One process for each of the plan's GPUs; left alone, it takes all that it sees."""
    return ("axolotl", "train", CONFIG_FILE, "--num-processes", str(processes_of(job.plan)))


AXOLOTL = Program(
    id="axolotl",
    name=NAME,
    command=_command,
    package="axolotl",
    install="its own environment: pip install axolotl",
    config_file=CONFIG_FILE,
    recipe=axolotl_config,
    on_path="axolotl",
)


class AxolotlTrainer:
    """Writes a job for Axolotl and runs it."""

    info = TrainerInfo(
        id="axolotl",
        label="Axolotl's program, or files for it",
        pairs=tuple((objective, method) for objective in OBJECTIVES for method in METHODS),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train by Axolotl's program; raises as `train_outside` does."""
        return train_outside(job, tools, AXOLOTL)

    def missing(self) -> str:
        """Its program, where that is not installed; files for it are written all the same."""
        return missing(AXOLOTL)

    def recipe(self, job: TrainJob) -> Recipe:
        """What is written for Axolotl; raises PlanError and DatasetError."""
        return recipe_of(job, AXOLOTL)
