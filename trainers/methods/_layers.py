"""Finds the layers and heads of an opened model, and ends the backward pass below some."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from advisor.errors import PlanError
from advisor.schema.plan import Plan

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
NEW_HEADS = ("score", "classifier")
"""What transformers calls a head that is no language model's."""


def layers_of(model: Any) -> Any:
    """The list of the model's layers, first to last.

    Raises PlanError where it cannot be told.
    """
    count = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise PlanError(
        f"The layers of a {type(model).__name__} cannot be told apart.",
        hint="Use a method that needs no layers, for example lora.",
    )


def new_heads(model: Any, plan: Plan) -> list[Any]:
    """Heads that the objective has put on the model, and that every method trains."""
    if plan.objective != "reward":
        return []
    found = [getattr(model, name, None) for name in NEW_HEADS]
    return [head for head in found if head is not None]


def own_head(model: Any, plan: Plan) -> Any:
    """The output head of a language model.

    Raises PlanError where it is the embedding table, or there is none.
    """
    head = model.get_output_embeddings()
    if head is None:
        raise PlanError(
            f"{plan.model} has no output head here.", hint="Leave the option `head` out."
        )
    table = model.get_input_embeddings()
    if table is not None and head.weight is table.weight:
        raise PlanError(
            f"The head of {plan.model} is its embedding table, below all layers.",
            hint="Leave the option `head` out.",
        )
    return head


def refuse_packed(model: Any, plan: Plan) -> None:
    """Raise PlanError where weights are packed, which cannot be trained."""
    if getattr(model, "is_quantized", False):
        raise PlanError(
            f"The method '{plan.method}' trains weights that quantisation has packed.",
            hint="Leave the base unpacked (--quantisation none), or use qlora.",
        )


def cast_trained(model: Any, plan: Plan) -> None:
    """The trained weights in the precision of the plan.

    Raises PlanError where others flow around them and nothing casts between (no GPU).
    """
    precision = plan.trained_precision
    if precision is None or precision == plan.precision:
        return
    if not torch.cuda.is_available():
        raise PlanError(
            f"Without a GPU, layers in {precision} cannot stand among those in {plan.precision}.",
            hint=f"Load the base in {precision} (--precision).",
        )
    wanted = DTYPES[precision]
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(wanted)


def cut_below(layer: Any) -> None:
    """End the backward pass at what the layer reads.

    Checkpointing asks for gradients of the embeddings' output, which would send it on to the first
    layer for nothing.
    """
    layer.register_forward_pre_hook(_cut, with_kwargs=True)


def _cut(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not module.training:
        return None
    if args:
        return (args[0].detach(), *args[1:]), kwargs
    return args, kwargs | {"hidden_states": kwargs["hidden_states"].detach()}
