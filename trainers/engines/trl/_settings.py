"""The plan in the library's own words: one settings object for any of its trainers."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch

from advisor.schema.plan import Plan
from trainers.engines.trl.course import Course
from trainers.engines.trl.sharing import deepspeed_config, is_deepspeed

LOSS_POINTS = 1000
"""About as many losses are kept of a long run; a short one keeps every step's."""


def settings_of(
    plan: Plan, course: Course, folder: Path, *, report_to: tuple[str, ...] = ()
) -> Any:
    """Every field of the plan as the course's settings name it.

    Raises ValueError and TypeError for what the library refuses.
    """
    on_gpu = torch.cuda.is_available()
    known = {field.name for field in dataclasses.fields(course.settings)}
    lowered = plan.compute_precision or (plan.precision if on_gpu else "float32")
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": plan.micro_batch_size,
        "gradient_accumulation_steps": plan.gradient_accumulation_steps,
        "max_length": plan.sequence_length,
        "optim": plan.optimizer,
        "learning_rate": plan.learning_rate,
        "lr_scheduler_type": plan.schedule,
        "warmup_steps": plan.warmup_share,
        "weight_decay": plan.weight_decay,
        "max_grad_norm": plan.max_gradient_norm,
        "neftune_noise_alpha": plan.neftune_alpha,
        "train_sampling_strategy": "group_by_length" if plan.length_grouping else "random",
        "seed": plan.seed,
        "use_cpu": not on_gpu,
        "bf16": lowered == "bfloat16",
        "fp16": lowered == "float16" and on_gpu,
        "logging_steps": max(1, steps_of(plan, course.texts) // LOSS_POINTS),
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "save_total_limit": None,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": list(report_to) or "none",
        _checkpointing(known): plan.gradient_checkpointing,
    }
    if is_deepspeed(plan):
        values["deepspeed"] = deepspeed_config(plan)
    values = {name: value for name, value in values.items() if name in known}
    settings = course.settings(**values | dict(course.arguments))
    if on_gpu and plan.gpus == 1:
        settings._n_gpu = 1  # noqa: SLF001 - one device as planned, even where more are visible
    return settings


def steps_of(plan: Plan, texts: int) -> int:
    """Optimizer steps of the whole plan over so many rows, or drawn completions, per epoch."""
    batch = plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus
    return max(1, math.ceil(texts / batch * plan.epochs))


def _checkpointing(known: set[str]) -> str:
    """Recent versions of the library call it activation checkpointing."""
    name = "activation_checkpointing"
    return name if name in known else "gradient_checkpointing"
