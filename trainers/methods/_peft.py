"""Puts one of PEFT's adapters on an opened model; the heavy back of most methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import peft
import torch
from transformers.pytorch_utils import Conv1D

from advisor.contracts import Applied
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.methods._layers import NEW_HEADS
from trainers.methods.adapted import ALL_LINEAR

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
REFUSALS = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError)
"""What PEFT raises for values and layers that it cannot take."""


def put(
    model: Any,
    plan: Plan,
    kind: str,
    *,
    rates: Mapping[str, float] | None = None,
    notes: tuple[str, ...] = (),
    **values: Any,
) -> Applied:
    """The model with an adapter as PEFT's class `kind` describes it.

    Everything else is frozen. What is trained has the plan's precision, 32 bits unless it says
    otherwise; a new head (reward) is trained whole. Raises PlanError for what PEFT refuses.
    """
    task = "SEQ_CLS" if plan.objective == "reward" else "CAUSAL_LM"
    try:
        config = getattr(peft, kind)(task_type=task, **values)
        adapted = peft.get_peft_model(model, config)
    except REFUSALS as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise PlanError(
            f"The method '{plan.method}' cannot be put on {plan.model}:"
            f" {lines[0].strip() if lines else type(error).__name__}",
            hint="Choose other target modules or options, or another method.",
        ) from error
    in_planned_precision(adapted, plan)
    return Applied(adapted, dict(rates or {}), notes)


def in_planned_precision(model: Any, plan: Plan) -> None:
    """Cast what is trained to what the footprint counts: the plan's precision, or 32 bits."""
    wanted = DTYPES[plan.trained_precision or "float32"]
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype != wanted:
            parameter.data = parameter.data.to(wanted)


def targets(plan: Plan) -> str | list[str]:
    """The plan's target modules as PEFT takes them: `all-linear`, or names."""
    names = [name.strip() for name in plan.target_modules.split(",") if name.strip()]
    return ALL_LINEAR if names == [ALL_LINEAR] else names


def module_names(model: Any, aimed: str | list[str]) -> list[str]:
    """The aimed linear layers by the last two parts of their names, the head left out."""
    heads = (model.get_output_embeddings(), *(getattr(model, name, None) for name in NEW_HEADS))
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))
        and not any(module is head for head in heads)
    ]
    if aimed != ALL_LINEAR:
        names = [name for name in names if any(ends(name, one) for one in aimed)]
    return sorted({".".join(name.split(".")[-2:]) for name in names})


def ends(name: str, ending: str) -> bool:
    """Whether a module's name is this one, or ends in it."""
    return name == ending or name.endswith(f".{ending}")
