"""A complete plan from a request, a recipe and a GPU; every value says who set it."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Method, MethodInfo, PluginInfo
from advisor.errors import PlanError
from advisor.schema.catalog import Gpu, ModelCard, Recipe, Reference
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.advised import RULE, suit_advice
from advisor.stages.estimate.plan.bounds import check_against
from advisor.stages.estimate.plan.packing import adapts, keep_packing, quantisation, takes
from advisor.stages.estimate.plan.recipes import OPTION, laid_over, own_options, recipe_for
from advisor.stages.estimate.plan.refusals import check_offload, strategy_of, suit_objective
from advisor.stages.estimate.plan.rows import suit_rows
from advisor.stages.estimate.plan.software import experts_held, settle_precisions, suit_software
from advisor.stages.estimate.plan.stated import FLAGS, as_request, lay_over

_BITS: dict[str, int] = {"float32": 32, "bfloat16": 16, "float16": 16}
_DEVICES = ("gpus", "nodes", "strategy")
_QUANTISED_BITS = {"nf4": 4, "gptq": 4, "awq": 4, "int8": 8, "fp8": 8}


def make_plan(
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpu: Gpu,
    method: Method,
    reference: Reference,
    objective: PluginInfo | None = None,
) -> Plan:
    """The recipe's values, the rules', what objective, stack and device demand, the user's own.

    Raises PlanError when the values contradict each other.
    """
    request = as_request(request)
    suit_objective(request, model)
    recipe = recipe_for(reference.recipes, method.info, model.parameters)
    values, reasons = _proposed(
        request, recipe, model=model, info=method.info, objective=objective, reference=reference
    )
    understood = {*method.info.options, *(objective.options if objective else ())}
    options = own_options(values, reasons, understood) | request.method_options
    reasons |= {
        f"{OPTION}{name}": request.told.get(f"{OPTION}{name}", "--option")
        for name in request.method_options
    }
    _suit(values, reasons, request, model=model, gpu=gpu, info=method.info)
    suit_rows(
        values,
        reasons,
        request,
        reads=model.max_sequence_length,
        is_reviewed=recipe.below_parameters is not None,
    )
    lay_over(values, reasons, request, method.info)
    strategy = strategy_of(request, values.pop("strategy", None))
    reasons |= {field: request.told[field] for field in _DEVICES if field in request.told}
    check_offload(values.get("offload"), strategy)
    check_against(model, request, strategy)
    suit_software(values, reasons, reference.stack, strategy, adapts=adapts(method.info))
    _suit_base(values, reasons, model, method.info, reference)
    settle_precisions(values, method.info, strategy)
    return Plan(
        model=model.local_path or model.id,
        objective=request.objective,
        method=method.info.id,
        base_bits=_QUANTISED_BITS.get(values["quantisation"]) or _BITS[values["precision"]],
        gpu=gpu.id,
        gpus=request.gpus,
        nodes=request.nodes,
        strategy=strategy,
        stack=reference.stack.id,
        method_options=options,
        assumed=request.assumed,
        seed=request.seed,
        reasons=reasons,
        **values,
    )


def _suit_base(
    values: dict[str, Any],
    reasons: dict[str, str],
    model: ModelCard,
    info: MethodInfo,
    reference: Reference,
) -> None:
    """How the base is packed, and how its experts are held."""
    keep_packing(values, reasons, model, info)
    values["quantisation"] = quantisation(values, info)
    values["experts"] = experts_held(reference.stack, model, values["quantisation"])
    if values["quantisation"] == "gptq":  # PEFT's preparation leaves these bases as they are
        values.pop("unquantised_precision", None)


def _proposed(
    request: EstimateRequest,
    recipe: Recipe,
    *,
    model: ModelCard,
    info: MethodInfo,
    objective: PluginInfo | None,
    reference: Reference,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of recipe, rules, objective and software, and who proposed each; the later win."""
    values: dict[str, Any] = {key: s.value for key, s in recipe.settings.items()}
    reasons = dict.fromkeys(values, f"recipe {recipe.id}")
    suit_advice(values, reasons, request.settings, recipe=recipe, info=info)
    for key, value in (objective.defaults if objective else {}).items():
        values[key], reasons[key] = value, f"objective {request.objective}"
    for over in laid_over(reference.recipes, request.objective, info, model.parameters):
        taken = {key: s.value for key, s in over.settings.items() if takes(info, key)}
        values |= taken
        reasons |= dict.fromkeys(taken, f"recipe {over.id}")
    named = request.objective
    suit_advice(values, reasons, request.settings, recipe=recipe, info=info, objective=named)
    for key, value in reference.stack.defaults_for(info.id).items():
        values[key], reasons[key] = value, f"stack {reference.stack.id}"
    return values, reasons


def _suit(
    values: dict[str, Any],
    reasons: dict[str, str],
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpu: Gpu,
    info: MethodInfo,
) -> None:
    """What device, model and the user's flags make of the proposed values."""
    _suit_device(values, reasons, gpu, adapts=info.needs_rank)
    _suit_model(values, reasons, model, request.seq_len)
    for flag, field in FLAGS.items():
        value = getattr(request, flag)
        if value is not None and takes(info, field):
            values[field] = value
            reasons[field] = request.told.get(field, f"--{flag.replace('_', '-')}")
    _settle(values, reasons, request)


def _settle(values: dict[str, Any], reasons: dict[str, str], request: EstimateRequest) -> None:
    """Values that follow from others: alpha from the rank, no sample count beside tokens."""
    is_advised = reasons.get("rank", "").startswith(RULE)
    is_alpha_open = is_advised and not reasons.get("alpha", "").startswith(RULE)
    if (request.rank or is_alpha_open) and request.alpha is None and "alpha" in values:
        values["alpha"], reasons["alpha"] = 2.0 * values["rank"], "twice the rank"
    if request.tokens is not None and request.examples is None:
        values.pop("examples", None)
        reasons.pop("examples", None)


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
