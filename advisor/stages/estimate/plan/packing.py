"""What a method can take of a plan, and how the base it trains on is packed."""

from __future__ import annotations

from typing import Any

from advisor.contracts import MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Obstacle

_RANK_FIELDS = ("rank", "alpha")
_LOWEST_QUANTISATION = {4: "nf4", 8: "int8"}


def adapts(info: MethodInfo) -> bool:
    """Whether the base stays frozen beside something small that is trained."""
    return info.needs_rank or info.recipe == "lora"


def takes(info: MethodInfo, field: str) -> bool:
    """Whether a plan of the method can have a value of that name."""
    if field in ("target_modules", "dropout"):
        return adapts(info)
    return field not in _RANK_FIELDS or info.needs_rank


def keep_packing(
    values: dict[str, Any], reasons: dict[str, str], model: ModelCard, info: MethodInfo
) -> None:
    """A packed checkpoint stays as it is packed under adapters, unless the user says otherwise.

    Raises PlanError where nothing here trains on its packing.
    """
    if not model.packing or values.get("quantisation"):
        return
    if model.quantised_as is None:
        raise PlanError(
            f"{model.id} is packed as {model.packing}, and no method here trains on that.",
            hint="Name the checkpoint it was made from, in 16 bits.",
        )
    if adapts(info):
        values["quantisation"] = model.quantised_as
        reasons["quantisation"] = f"the checkpoint is packed as {model.packing}"


def packing_obstacles(
    request: EstimateRequest, model: ModelCard, info: MethodInfo
) -> list[Obstacle]:
    """What stands in the way of training the very weights that a checkpoint has packed."""
    if not model.packing or request.quantisation or adapts(info):
        return []
    return [
        Obstacle(
            severity="blocks",
            message=f"{model.id} is packed as {model.packing}, and {info.label} cannot train "
            "packed weights; counted is the same model in 16 bits.",
            hint="Use an adapter (--method lora), or name the checkpoint it was made from.",
        )
    ]


def quantisation(values: dict[str, Any], info: MethodInfo) -> str:
    """How the base is packed: as the user said, else what the method's bits mean.

    Raises PlanError for a method that needs a packed base and is refused one.
    """
    said = values.get("quantisation")
    if info.base_bits is None:
        return said if said and adapts(info) else "none"
    if said == "none":
        raise PlanError(
            f"{info.id} trains on a quantised base, and --quantisation none forbids one.",
            hint="Use --method lora, or leave --quantisation out.",
        )
    return said or _LOWEST_QUANTISATION[info.base_bits]
