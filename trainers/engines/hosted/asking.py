"""What a service is asked for: the plan's part that it understands, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob

MARK = "advisor_job"
LONGEST_SUFFIX = 64
UNSENT = ("learning_rate", "schedule", "rank", "alpha", "dropout", "optimizer", "sequence_length")


def request_of(job: TrainJob, digest: str, train: str, dev: str | None) -> dict[str, Any]:
    """The request for a job over two uploaded files, marked so that it is found again.

    Raises PlanError for options that cannot be used.
    """
    plan = job.plan
    kind = "dpo" if plan.objective == "dpo" else "supervised"
    told: dict[str, Any] = {
        "model": model_of(plan),
        "training_file": train,
        "seed": plan.seed,
        "metadata": {MARK: digest},
        "method": {"type": kind, kind: {"hyperparameters": hyperparameters(plan)}},
    }
    if dev is not None:
        told["validation_file"] = dev
    suffix = str(plan.method_options.get("suffix") or "")
    if len(suffix) > LONGEST_SUFFIX:
        raise PlanError(
            f"The option 'suffix' has {len(suffix)} letters.",
            hint=f"Give {LONGEST_SUFFIX} at most.",
        )
    return told | ({"suffix": suffix} if suffix else {})


def model_of(plan: Plan) -> str:
    """The service's name of the base: option `model`, else the plan's.

    Raises PlanError where the plan's is a folder of this machine.
    """
    named = str(plan.method_options.get("model") or "")
    if not named and Path(plan.model).is_dir():
        raise PlanError(
            f"The plan's base model is a folder of this machine: {plan.model}.",
            hint="Name the service's model: option model=NAME.",
            where="trainer hosted",
        )
    return named or plan.model


def hyperparameters(plan: Plan) -> dict[str, Any]:
    """Epochs and batch of the plan; the rate is the service's own unless a factor is given."""
    told: dict[str, Any] = {
        "n_epochs": max(1, round(plan.epochs)),
        "batch_size": plan.micro_batch_size * plan.gradient_accumulation_steps,
    }
    names = ["learning_rate_multiplier", *(["beta"] if plan.objective == "dpo" else [])]
    for name in names:
        value = plan.method_options.get(name)
        if value is None:
            continue
        if isinstance(value, bool | str) or value <= 0:
            raise PlanError(f"The option '{name}' is {value!r}.", hint="Give a number above 0.")
        told[name] = value
    return told


def unsent_notes(plan: Plan) -> tuple[str, ...]:
    """What of the plan a service does not take."""
    notes = [f"The service was not told {', '.join(UNSENT)}: it has its own."]
    if plan.epochs != max(1, round(plan.epochs)):
        notes.append(f"{plan.epochs:g} epochs became {max(1, round(plan.epochs))}.")
    if plan.general_share:
        notes.append("No general data was mixed in.")
    return tuple(notes)
