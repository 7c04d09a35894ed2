"""Which GPUs another project's program sees, and how many processes it starts: as planned."""

from __future__ import annotations

import os

from advisor.errors import PlanError
from advisor.schema.plan import Plan

VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE = ("", "-1")
"""Values by which a user hides every GPU."""


def processes_of(plan: Plan) -> int:
    """Processes on one machine: one for each GPU, or one for a model split over all of them."""
    return 1 if plan.strategy == "layer_split" else plan.gpus


def visible_to(plan: Plan) -> dict[str, str]:
    """The environment in which a program sees as many GPUs as planned, the first of the user's.

    Raises PlanError where the user shows fewer.
    """
    told = os.environ.get(VISIBLE)
    if told is not None and told.strip() in NONE:
        return {}
    shown = [one.strip() for one in (told or "").split(",") if one.strip()]
    if not shown:
        return {VISIBLE: ",".join(map(str, range(plan.gpus)))}
    if len(shown) < plan.gpus:
        raise PlanError(
            f"The plan has {plan.gpus} GPUs, and {VISIBLE} shows {len(shown)}.",
            hint=f"Plan for {len(shown)}, or show more.",
            where=f"{VISIBLE}={told}",
        )
    return {VISIBLE: ",".join(shown[: plan.gpus])}
