"""What each objective makes of a job: its rows, and the library's trainer that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from advisor.errors import PlanError

if TYPE_CHECKING:
    from advisor.contracts import Tools
    from advisor.schema.train import TrainJob
    from trainers.engines.trl.course import Course

OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo")
"""Those that a course is made of."""


def course_of(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """The job's objective, ready for the engine; imports no more than that objective needs.

    Raises PlanError for an objective or option that is not known, DatasetError for samples that
    it cannot learn from.
    """
    objective = job.plan.objective
    if objective == "sft":
        from trainers.engines.trl.objectives._sft import course  # noqa: PLC0415 - delays torch
    elif objective == "cpt":
        from trainers.engines.trl.objectives._cpt import course  # noqa: PLC0415 - delays torch
    elif objective == "dpo":
        from trainers.engines.trl.objectives._preference import dpo as course  # noqa: PLC0415
    elif objective == "kto":
        from trainers.engines.trl.objectives._preference import kto as course  # noqa: PLC0415
    elif objective == "orpo":
        from trainers.engines.trl.objectives._orpo import course  # noqa: PLC0415
    elif objective == "reward":
        from trainers.engines.trl.objectives._reward import course  # noqa: PLC0415
    elif objective == "grpo":
        from trainers.engines.trl.objectives._reinforcement import course  # noqa: PLC0415
    else:
        raise PlanError(
            f"The trainer 'trl' does not train the objective '{objective}'.",
            hint=f"It trains: {', '.join(OBJECTIVES)}.",
        )
    return course(job, tokenizer, tools)
