"""What does not go together in a plan, and flags that nothing takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from advisor.contracts import MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.plan.bounds import check_machines
from advisor.stages.estimate.plan.packing import adapts, takes

_NEEDS_GENERATION = ("cpt", "dpo", "orpo", "kto", "grpo")
_NEEDS_DECODER = ("cpt", "grpo")
_TAKES_PAIRS = ("dpo", "orpo", "kto", "reward", "grpo")


def suit_objective(request: EstimateRequest, model: ModelCard) -> None:
    """Raises PlanError for an objective that neither the model nor packing goes with."""
    objective = request.objective
    if request.packing and objective in _TAKES_PAIRS:
        raise PlanError(
            f"Samples of {objective} cannot be packed into one sequence.",
            hint="Leave --packing out.",
        )
    hopeless = {"encoder": _NEEDS_GENERATION, "encoder_decoder": _NEEDS_DECODER}
    if objective in hopeless.get(model.kind, ()):
        kind = model.kind.replace("_", "-")
        raise PlanError(
            f"{model.id} is an {kind} and cannot be trained with {objective}.",
            hint="Use --objective sft, or a model that writes from left to right.",
        )


def untaken_fields(fixed: Iterable[str], info: MethodInfo) -> tuple[str, ...]:
    """Plan fields of these that the method has no use for."""
    packs = adapts(info) or info.base_bits is not None
    return tuple(
        field
        for field in fixed
        if not takes(info, field) or (field == "double_quantisation" and not packs)
    )


def ignored_flags(request: EstimateRequest, infos: Sequence[MethodInfo]) -> tuple[str, ...]:
    """Flags given that none of the methods can take."""
    ignored = [
        field
        for field in ("rank", "alpha", "target_modules")
        if getattr(request, field) is not None and not any(takes(i, field) for i in infos)
    ]
    ignored += [
        field
        for field in request.plan_values
        if field not in ignored and all(untaken_fields((field,), info) for info in infos)
    ]
    packs = request.quantisation not in (None, "none")
    if packs and not any(adapts(i) or i.base_bits for i in infos):
        ignored.append("quantisation")
    return tuple(f"--{field.replace('_', '-')}" for field in ignored)


def strategy_of(request: EstimateRequest, habit: str | None) -> Any:
    """As the user says, as the software does, else single on one GPU and sharded over several.

    Raises PlanError when strategy, GPUs and nodes contradict each other.
    """
    check_machines(request)
    if request.strategy is None:
        return habit or ("single" if request.gpus == 1 else "fsdp")
    alone = request.strategy in {"ddp", "fsdp", "layer_split"} and request.gpus == 1
    if alone or (request.strategy == "single" and request.gpus > 1):
        raise PlanError(
            f"--strategy {request.strategy} does not go with --gpus {request.gpus}.",
            hint="One GPU is 'single' (or zero1 to zero3 with --offload); several need ddp, zero1, "
            "zero2, zero3, fsdp or layer_split.",
        )
    return request.strategy


def check_offload(offload: str | None, strategy: str) -> None:
    """Weights wait in main memory only where they are put together unit by unit.

    DeepSpeed moves them out at stage 3 alone, FSDP as it shards. Raises PlanError elsewhere.
    """
    if offload == "weights" and strategy not in ("zero3", "fsdp"):
        raise PlanError(
            f"--offload weights does not go with --strategy {strategy}: only zero3 and fsdp fetch "
            "weights layer by layer.",
            hint="Add --strategy zero3 (it works on one GPU too), or offload the optimizer.",
        )
