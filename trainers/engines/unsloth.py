"""Unsloth: the job as a script, run by the Python that has Unsloth, on a machine with a GPU.

Unsloth's releases ask for older versions of TRL than this project does, so it lives in an
environment of its own: UNSLOTH_PYTHON names that environment's interpreter.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec

from advisor.contracts import Tools, TrainerInfo
from advisor.errors import PlanError
from advisor.schema.train import TrainJob, TrainResult
from trainers.engines.outside.engine import Program, missing, recipe_of, train_outside
from trainers.engines.recipes import Recipe
from trainers.engines.recipes.unsloth import (
    CONFIG_FILE,
    METHODS,
    NAME,
    OBJECTIVES,
    SCRIPT_FILE,
    unsloth_config,
)

PYTHON_VARIABLE = "UNSLOTH_PYTHON"


def interpreter() -> str:
    """The Python that has Unsloth: the one that UNSLOTH_PYTHON names, else this one; or none."""
    named = os.environ.get(PYTHON_VARIABLE, "")
    if named:
        return shutil.which(named) or ""
    return sys.executable if find_spec("unsloth") is not None else ""


UNSLOTH = Program(
    id="unsloth",
    name=NAME,
    command=lambda _job: (interpreter() or "python", SCRIPT_FILE),
    package="unsloth",
    install=f"its own environment: pip install unsloth; {PYTHON_VARIABLE} names its python",
    config_file=CONFIG_FILE,
    recipe=unsloth_config,
    is_here=lambda: bool(interpreter()),
)


class UnslothTrainer:
    """Writes a job for Unsloth and runs it."""

    info = TrainerInfo(
        id="unsloth",
        label="Unsloth in its own environment, or files for it",
        pairs=tuple((objective, method) for objective in OBJECTIVES for method in METHODS),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train by Unsloth; raises as `train_outside` does, and PlanError but for one GPU."""
        if interpreter() and shutil.which("nvidia-smi") is None:
            raise PlanError(
                "Unsloth trains on GPUs only, and no NVIDIA GPU is seen here.",
                hint="Train with --trainer trl, or on a machine with a GPU.",
            )
        gpus = job.plan.gpus * job.plan.nodes
        if gpus > 1:
            raise PlanError(
                f"The script for Unsloth trains on one GPU, and the plan has {gpus}.",
                hint="Plan for one GPU, or train with --trainer trl, axolotl or llamafactory.",
            )
        return train_outside(job, tools, UNSLOTH)

    def missing(self) -> str:
        """Unsloth, or the GPU without which it does not train; files are written all the same."""
        return missing(UNSLOTH) or ("" if shutil.which("nvidia-smi") else "an NVIDIA GPU")

    def recipe(self, job: TrainJob) -> Recipe:
        """What is written for Unsloth; raises PlanError and DatasetError."""
        return recipe_of(job, UNSLOTH)
