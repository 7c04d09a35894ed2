"""Trains weights of the model's own: all of them, its last layers, or copies put between them."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from advisor.contracts import Applied
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.methods._layers import (
    DTYPES,
    cast_trained,
    cut_below,
    layers_of,
    new_heads,
    own_head,
    refuse_packed,
)
from trainers.methods.ia3 import READERS

ATTENTION_ENDS = frozenset(("o_proj", "out_proj", "attn.c_proj", "attention.dense"))
"""Linear layers that attention puts out through, by family."""


def train_all(model: Any, plan: Plan) -> Applied:
    """Every weight requires a gradient, in the precision that the plan trains in.

    Raises PlanError for packed weights.
    """
    refuse_packed(model, plan)
    model.requires_grad_(requires_grad=True)
    if plan.trained_precision is not None:
        model.to(DTYPES[plan.trained_precision])
    return Applied(model)


def train_last(model: Any, plan: Plan, count: int, *, head: bool) -> Applied:
    """The last layers require gradients, and the head where it is wanted or new.

    Raises PlanError for packed weights, more layers than there are, or a head that is the
    embedding table.
    """
    refuse_packed(model, plan)
    layers = _enough_layers(model, plan, count)
    model.requires_grad_(requires_grad=False)
    trained = [*layers[-count:], *new_heads(model, plan)]
    if head and plan.objective != "reward":
        trained.append(own_head(model, plan))
    for module in trained:
        module.requires_grad_(requires_grad=True)
    cast_trained(model, plan)
    cut_below(layers[-count])
    return Applied(model)


def add_blocks(model: Any, plan: Plan, count: int) -> Applied:
    """Copies of layers, spread evenly, that change nothing at first and alone are trained.

    At most as many as there are layers. Raises PlanError for packed weights, layers of several
    kinds, or ones whose last matrices have no known name.
    """
    refuse_packed(model, plan)
    layers = layers_of(model)
    count = min(count, len(layers))
    _refuse_unlike(layers, plan)
    model.requires_grad_(requires_grad=False)
    config = model.config.get_text_config()
    kinds = list(getattr(config, "layer_types", None) or ())
    places = sorted({len(layers) * (at + 1) // count for at in range(count)}, reverse=True)
    added = []
    for place in places:  # from the end, so that the places before stay what they are
        added.append(_silent_copy(layers[place - 1]))
        layers.insert(place, added[-1])
        kinds[place:place] = kinds[place - 1 : place]
    config.num_hidden_layers = len(layers)
    if kinds:
        config.layer_types = kinds
    _renumber(layers)
    for module in [*added, *new_heads(model, plan)]:
        module.requires_grad_(requires_grad=True)
    cast_trained(model, plan)
    cut_below(added[-1])
    return Applied(model)


def _enough_layers(model: Any, plan: Plan, count: int) -> Any:
    layers = layers_of(model)
    if count > len(layers):
        raise PlanError(
            f"{plan.model} has {len(layers)} layers, not {count}.",
            hint=f"Give at most {len(layers)}.",
        )
    return layers


def _refuse_unlike(layers: Any, plan: Plan) -> None:
    shapes = {
        tuple((name, tuple(one.shape)) for name, one in layer.named_parameters())
        for layer in layers
    }
    if len(shapes) > 1:
        raise PlanError(
            f"The layers of {plan.model} are of {len(shapes)} kinds; copies of some would not be"
            " opened again as what they are.",
            hint="Use lora, or freeze.",
        )


def _silent_copy(layer: Any) -> Any:
    """A copy whose attention and feed-forward put out zeros, so that it passes its input on."""
    made = copy.deepcopy(layer)
    for ends in (ATTENTION_ENDS, READERS):
        last = [
            module
            for name, module in made.named_modules()
            if any(name == end or name.endswith(f".{end}") for end in ends)
            and hasattr(module, "weight")
        ]
        if not last:
            raise PlanError(
                f"The last matrices of a {type(layer).__name__} are not known by name, so a copy of"
                " it cannot be made silent.",
                hint="Use lora, or freeze.",
            )
        for module in last:
            nn.init.zeros_(module.weight)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
    return made


def _renumber(layers: Any) -> None:
    """Attention finds its place in the key-value cache by the layer's number."""
    for number, layer in enumerate(layers):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = number
