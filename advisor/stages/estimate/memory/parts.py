"""Weights that are loaded beside the language model and stay as they are: a vision tower."""

from __future__ import annotations

from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Footprint, Plan, Precision

_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


def extra_bytes(plan: Plan, model: ModelCard, *, trains_all: bool) -> float:
    """Bytes of the model's parts outside the language model, as the plan loads them.

    Quantised loading packs their linear layers too; scales are left out. Text alone gives them no
    gradient, so they have no optimizer states.
    """
    if plan.quantisation != "none":
        packed = model.extra_linear_weights * plan.base_bits / 8
        size = _BYTES[plan.unquantised_precision or plan.precision]
        return packed + size * (model.extra_parameters - model.extra_linear_weights)
    precision = plan.trained_precision if trains_all else None
    return float(_BYTES[precision or plan.precision] * model.extra_parameters)


def with_extra_parts(footprint: Footprint, plan: Plan, model: ModelCard) -> Footprint:
    """The footprint of a method with those weights among the base's."""
    trains_all = footprint.trainable_parameters >= model.parameters
    extra = extra_bytes(plan, model, trains_all=trains_all)
    return footprint.model_copy(update={"base_weight_bytes": footprint.base_weight_bytes + extra})
