"""What a service is asked for: the plan's part that it understands, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob

MARK = "advisor_job"
LONGEST_SUFFIX = 64
UNSENT = (
    "learning_rate",
    "schedule",
    "warmup_share",
    "weight_decay",
    "max_gradient_norm",
    "neftune_alpha",
    "optimizer",
    "rank",
    "alpha",
    "dropout",
    "target_modules",
    "quantisation",
    "precision",
    "sequence_length",
    "packing",
    "general_share",
    "early_stopping_patience",
    "choose_checkpoint_by",
)
"""Plan fields that change what is learnt and that the protocol has no word for."""
BY_USER = "--"
"""How the reason of a field begins that the user fixed: it is the flag's name."""


def refuse_unsent(plan: Plan) -> None:
    """Raise PlanError where the user fixed what the service cannot be told, or as it cannot be."""
    fixed = [field for field in UNSENT if plan.reasons.get(field, "").startswith(BY_USER)]
    if fixed:
        raise PlanError(
            f"A service cannot be told {', '.join(fixed)}, and you fixed"
            f" {'it' if len(fixed) == 1 else 'them'}"
            f" ({', '.join(dict.fromkeys(plan.reasons[field] for field in fixed))}).",
            hint="Take it out (--set NAME=auto); the rate alone can be changed, by"
            " --option learning_rate_multiplier=FACTOR.",
            where="trainer hosted",
        )
    is_fixed = plan.reasons.get("epochs", "").startswith(BY_USER)
    if is_fixed and plan.epochs != epochs_of(plan):
        raise PlanError(
            f"Services train whole epochs, and you asked for {plan.epochs:g}.",
            hint=f"Set epochs={epochs_of(plan)}.",
            where="trainer hosted",
        )


def epochs_of(plan: Plan) -> int:
    """Whole epochs, one at least."""
    return max(1, round(plan.epochs))


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
        "n_epochs": epochs_of(plan),
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
    told = (
        "The service is told epochs, batch and seed; rate, schedule, rank and all else are its own."
    )
    notes = [told]
    if plan.epochs != epochs_of(plan):
        notes.append(f"{plan.epochs:g} epochs became {epochs_of(plan)}.")
    if plan.general_share:
        notes.append("No general data is mixed in.")
    return tuple(notes)
