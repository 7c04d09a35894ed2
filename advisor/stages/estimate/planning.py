"""A complete plan from a request, a recipe and a GPU; every value says who set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.catalog import Gpu, ModelCard, Recipe
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Plan

_FLAGS = {
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
    "optimizer": "optimizer",
    "gradient_checkpointing": "gradient_checkpointing",
    "loss_head": "loss_head",
}
_ADAPTER_FIELDS = ("rank", "alpha", "target_modules")
_BITS = {"float32": 32, "bfloat16": 16, "float16": 16}


def pick_recipe(recipes: Sequence[Recipe], method: str, parameters: int) -> Recipe:
    """The recipe for a method and a model's size.

    Raises PlanError when there is none.
    """
    for recipe in recipes:
        below = recipe.below_parameters
        in_range = recipe.at_least_parameters <= parameters and (
            below is None or parameters < below
        )
        if recipe.method == method and in_range:
            return recipe
    raise PlanError(
        f"There is no recipe for method '{method}' and {parameters} parameters.",
        hint="Add one under rules/recipes/.",
    )


def make_plan(
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpu: Gpu,
    method: Method,
    recipe: Recipe,
) -> Plan:
    """The recipe's values, then what the device demands, then what the user fixed.

    Raises PlanError when the values contradict each other.
    """
    values: dict[str, Any] = {key: s.value for key, s in recipe.settings.items()}
    reasons = dict.fromkeys(values, f"recipe {recipe.id}")
    _suit_device(values, reasons, gpu, adapts=method.info.needs_rank)
    _suit_model(values, reasons, model, request.seq_len)
    for flag, field in _FLAGS.items():
        value = getattr(request, flag)
        if value is not None and (field not in _ADAPTER_FIELDS or method.info.needs_rank):
            values[field], reasons[field] = value, f"--{flag.replace('_', '-')}"
    if request.rank is not None and request.alpha is None and "alpha" in values:
        values["alpha"], reasons["alpha"] = 2.0 * request.rank, "twice the rank"
    if request.tokens is not None and request.examples is None:
        values.pop("examples", None)
        reasons.pop("examples", None)
    return Plan(
        model=model.local_path or model.id,
        objective=request.objective,
        method=method.info.id,
        base_bits=method.info.base_bits or _BITS[values["precision"]],
        gpu=gpu.id,
        gpus=request.gpus,
        strategy=_strategy(request),
        seed=request.seed,
        reasons=reasons,
        **values,
    )


def _suit_device(
    values: dict[str, Any], reasons: dict[str, str], gpu: Gpu, *, adapts: bool
) -> None:
    """float32 on a CPU; without bfloat16, float16 under adapters and float32 for all weights."""
    if gpu.is_cpu:
        values["precision"], reasons["precision"] = "float32", "a CPU trains in float32"
    elif gpu.bf16_tflops is None and gpu.fp16_tflops and values["precision"] == "bfloat16":
        values["precision"] = "float16" if adapts else "float32"
        reasons["precision"] = f"{gpu.id} has no bfloat16"


def _suit_model(
    values: dict[str, Any], reasons: dict[str, str], model: ModelCard, wished: int | None
) -> None:
    """No sequence longer than the model reads.

    Raises PlanError when the user wished one.
    """
    longest = model.max_sequence_length
    if longest and wished and wished > longest:
        raise PlanError(
            f"--seq-len {wished} is more than {model.id} reads ({longest} tokens).",
            hint=f"Give --seq-len {longest} or less.",
        )
    if longest and values["sequence_length"] > longest:
        values["sequence_length"] = longest
        reasons["sequence_length"] = "the model reads no further"


def _strategy(request: EstimateRequest) -> Any:
    """Single on one GPU, full sharding over several, unless the user says.

    Raises PlanError when strategy and number of GPUs contradict each other.
    """
    if request.strategy is None:
        return "single" if request.gpus == 1 else "fsdp"
    if (request.strategy == "single") != (request.gpus == 1):
        raise PlanError(
            f"--strategy {request.strategy} does not go with --gpus {request.gpus}.",
            hint="One GPU is 'single'; several need ddp, zero1, zero2, zero3 or fsdp.",
        )
    return request.strategy
