"""Plan fields that the user fixed by name: checked, and laid over everything else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from advisor.contracts import MethodInfo
from advisor.errors import PlanError
from advisor.rulebook.reading import suggestion
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.packing import takes

FLAGS = {
    "rank": "rank",
    "alpha": "alpha",
    "target_modules": "target_modules",
    "batch_size": "micro_batch_size",
    "grad_accum": "gradient_accumulation_steps",
    "seq_len": "sequence_length",
    "examples": "examples",
    "tokens": "tokens",
    "epochs": "epochs",
    "learning_rate": "learning_rate",
    "precision": "precision",
    "compute_precision": "compute_precision",
    "trained_precision": "trained_precision",
    "double_quantisation": "double_quantisation",
    "mean_sequence_length": "mean_sequence_length",
    "optimizer": "optimizer",
    "gradient_checkpointing": "gradient_checkpointing",
    "loss_head": "loss_head",
    "attention": "attention",
    "quantisation": "quantisation",
    "packing": "packing",
    "evaluation_batch_size": "evaluation_batch_size",
    "generated_tokens": "generated_tokens",
    "offload": "offload",
}
"""Field of a request -> plan field that it fills."""
_ELSEWHERE = {name: name for name in ("gpus", "nodes", "strategy", "stack", "seed")}
_OWN = {field: flag for flag, field in FLAGS.items()} | _ELSEWHERE
"""Plan field -> field of a request that stands for it."""
_NOT_HERE = {
    "model": "Name the model with --model.",
    "method": "Name the method with --method.",
    "objective": "Name it with --objective.",
    "method_options": "Give each with --option NAME=VALUE.",
    "gpu": "Name the card with --gpu.",
    "base_bits": "It follows from the method and from `quantisation`.",
    "experts": "It follows from the model and the software.",
    "assumed": "It is what nobody stated.",
    "reasons": "Reasons are written by what sets a value.",
}
COUNTS: dict[str, Any] = {
    "warmup_steps": Annotated[int, Field(ge=0)],
    "max_steps": Annotated[int, Field(gt=0)],
    "evaluations_per_epoch": Annotated[float, Field(gt=0)],
}
"""What is counted in steps or passes, and becomes a plan field when their number is known."""
SETTABLE = tuple(field for field in Plan.model_fields if field not in _NOT_HERE)
"""Plan fields that a user can fix by name."""


def checked_value(field: str, value: Any, *, where: str = "") -> Any:
    """A value as the plan holds it: '2e-4' of a YAML file is a number.

    Raises PlanError for a field that no plan has, that is named elsewhere, or a value out of range.
    """
    if field in _NOT_HERE:
        raise PlanError(
            f"`{field}` is not set among the plan's values.", hint=_NOT_HERE[field], where=where
        )
    if field not in SETTABLE and field not in COUNTS:
        raise PlanError(
            f"A plan has no field '{field}'{suggestion(field, (*SETTABLE, *COUNTS))}",
            hint="`advisor train --dry-run` prints every field.",
            where=where,
        )
    try:
        return _reader(field).validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].replace("Input should be", "it should be")
        raise PlanError(
            f"{field}: {value!r} cannot be used: {said}.",
            hint="Give another value, or leave it to the rules.",
            where=where,
        ) from None


@cache
def _reader(field: str) -> TypeAdapter[Any]:
    if field in COUNTS:
        return TypeAdapter(COUNTS[field])
    info = Plan.model_fields[field]
    kind: Any = info.annotation
    for limit in info.metadata:
        kind = Annotated[kind, limit]
    return TypeAdapter(kind)


def overlaid(wishes: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Wishes of a plan file with flags over them: a flag takes the file's value away."""
    found = dict(wishes)
    named = {FLAGS.get(name, name) for name in flags}
    for table in ("plan_values", "told"):
        if table in found:
            found[table] = {f: value for f, value in found[table].items() if f not in named}
    options = found.get("method_options", {}) | flags.get("method_options", {})
    return found | dict(flags) | ({"method_options": options} if options else {})


def changed(request: EstimateRequest, changes: Mapping[str, Any]) -> EstimateRequest:
    """A run's request with what a later command changes, flags and plan values alike."""
    named = {FLAGS.get(name, name) for name in changes}
    told = {f: who for f, who in request.told.items() if f not in named}
    kept = {f: value for f, value in request.plan_values.items() if f not in named}
    update = dict(changes)
    update["told"] = told | update.get("told", {})
    update["plan_values"] = kept | update.get("plan_values", {})
    if "method_options" in update:
        update["method_options"] = request.method_options | update["method_options"]
    return as_request(request.model_copy(update=update))


def as_request(request: EstimateRequest) -> EstimateRequest:
    """The request with the fixed plan values in its own fields where it has them.

    So they meet the same checks as flags. Raises PlanError as `checked_value` does, and for values
    that contradict each other.
    """
    if not request.plan_values:
        return request
    given = {field: checked_value(field, value) for field, value in request.plan_values.items()}
    _refuse_contradictions(given)
    if given.get("general_share") and not request.has_general_data:
        raise PlanError(
            f"general_share {given['general_share']:g} needs general data, and none is given.",
            hint="Name a file with --general-data FILE, or leave general_share out.",
        )
    own = {_OWN[f]: value for f, value in given.items() if f in _OWN and value is not None}
    told = {field: request.told.get(field, "--set") for field in given}
    kept = {f: value for f, value in given.items() if f not in _OWN}
    return request.model_copy(update={**own, "plan_values": kept, "told": request.told | told})


def _refuse_contradictions(given: Mapping[str, Any]) -> None:
    """Raise PlanError for two fixed values of which one takes the other its sense."""
    if given.get("packing") and given.get("length_grouping"):
        raise PlanError(
            "packing and length_grouping are two answers to the same question: packed rows are all"
            " of one length.",
            hint="Leave one of them out.",
        )
    is_blind = given.get("evaluations") == 0 and not given.get("evaluation_steps")
    if given.get("early_stopping_patience") and is_blind:
        raise PlanError(
            "early_stopping_patience needs looks at the dev split, and evaluations is 0.",
            hint="Leave evaluations out, or set it to 5 or more.",
        )


def lay_over(
    values: dict[str, Any], reasons: dict[str, str], request: EstimateRequest, info: MethodInfo
) -> None:
    """The fixed values that no field of the request stands for; `as_request` came first."""
    for field, value in request.plan_values.items():
        if field in COUNTS:
            continue
        if takes(info, field):
            values[field], reasons[field] = value, request.told[field]
    if not request.has_general_data:
        values.pop("general_share", None)
        reasons.pop("general_share", None)
    _count(values, reasons, request)
    _mend(values, reasons)


def _count(values: dict[str, Any], reasons: dict[str, str], request: EstimateRequest) -> None:
    """What was fixed in steps or passes, in the plan's own terms."""
    fixed, told = request.plan_values, request.told
    rows = values["micro_batch_size"] * values["gradient_accumulation_steps"] * request.gpus
    per_epoch = max(math.ceil(values.get("examples", rows) / rows), 1)
    if "max_steps" in fixed:
        values["epochs"] = fixed["max_steps"] / per_epoch
        reasons["epochs"] = f"{told['max_steps']}: {fixed['max_steps']} steps"
    steps = max(math.ceil(per_epoch * values["epochs"]), 1)
    if "warmup_steps" in fixed:
        values["warmup_share"] = min(fixed["warmup_steps"] / steps, 0.99)
        reasons["warmup_share"] = f"{told['warmup_steps']}: {fixed['warmup_steps']} of {steps}"
    if "evaluations_per_epoch" in fixed:
        often = fixed["evaluations_per_epoch"]
        values["evaluations"] = max(round(often * values["epochs"]), 1)
        reasons["evaluations"] = f"{told['evaluations_per_epoch']}: {often:g} in every epoch"


def _mend(values: dict[str, Any], reasons: dict[str, str]) -> None:
    """What a fixed value takes the sense out of goes, and the reason says so."""
    if values.get("packing") and values.get("length_grouping"):
        values["length_grouping"] = False
        reasons["length_grouping"] = "packed rows are all of one length"
    has_looks = values.get("evaluations") or values.get("evaluation_steps")
    if values.get("early_stopping_patience") and not has_looks:
        values["early_stopping_patience"] = None
        reasons["early_stopping_patience"] = "nothing is looked at between steps"
