"""Sums over the linear layers of a model: what packing reaches, and how large matrices are."""

from __future__ import annotations

from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan

_SUMS: dict[int, tuple[ModelCard, int, int, int]] = {}
"""Sums of the cards seen last; a card is kept with its sums, so that its id stays its own."""
_REMEMBERED = 256


def new_head(plan: Plan, model: ModelCard) -> int:
    """Entries of a head that the objective brings: one number per text for a reward model."""
    return model.hidden_size if plan.objective == "reward" else 0


def linear_weights(model: ModelCard) -> int:
    """Entries of all linear modules of all layers: what 4-bit loading packs.

    The output head stays as it is, and so do experts fused into one tensor.
    """
    return _sums(model)[1]


def fused_experts(model: ModelCard) -> int:
    """Entries of all experts that are fused into tensors."""
    return _sums(model)[3]


def largest_linear(model: ModelCard) -> int:
    """Entries of the largest linear matrix of the layers."""
    return _sums(model)[2]


def _sums(model: ModelCard) -> tuple[ModelCard, int, int, int]:
    found = _SUMS.get(id(model))
    if found is not None:
        return found
    modules = [
        (group.count, linear)
        for group in model.layer_groups
        for linear in group.linears
        if linear.is_module
    ]
    total = sum(count * linear.copies * linear.weights for count, linear in modules)
    largest = max((linear.weights for _, linear in modules), default=0)
    fused = sum(
        group.count * linear.copies * linear.weights
        for group in model.layer_groups
        for linear in group.linears
        if not linear.is_module and linear.part == "feed_forward"
    )
    if len(_SUMS) >= _REMEMBERED:
        _SUMS.clear()
    _SUMS[id(model)] = (model, total, largest, fused)
    return _SUMS[id(model)]
