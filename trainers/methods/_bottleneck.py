"""Bottleneck adapters on a torch model: put on, kept and opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from advisor.contracts import Applied
from advisor.errors import ModelFolderError, PlanError
from advisor.schema.plan import Plan
from trainers.methods._layers import DTYPES, layers_of, new_heads, refuse_packed

NAME = "bottleneck"
"""Of the module that every adapted part of the model gets."""
CONFIG, WEIGHTS = "bottleneck_config.json", "bottleneck.safetensors"
PARTS = (
    ("self_attn", "attn", "self_attention", "attention"),
    ("mlp", "feed_forward", "ffn", "block_sparse_moe"),
)
"""What families call a layer's attention and its feed-forward part."""


class Bottleneck(nn.Module):  # type: ignore[misc]
    """x + up(gelu(down(dropout(x)))); `up` begins as zero, so the adapter begins as nothing."""

    def __init__(self, width: int, inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.down = nn.Linear(width, inner)
        self.up = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """The same with what the adapter adds, in the input's precision."""
        inner = self.down(self.dropout(value.to(self.down.weight.dtype)))
        added: torch.Tensor = self.up(nn.functional.gelu(inner)).to(value.dtype)
        return value + added


def put_bottlenecks(model: Any, plan: Plan, inner: int, each: int) -> Applied:
    """One adapter behind every layer, or two: behind its attention and its feed-forward part.

    Raises PlanError for a packed base, or parts that cannot be told.
    """
    refuse_packed(model, plan)
    model.requires_grad_(requires_grad=False)
    _attach(model, inner, each, plan.dropout)
    wanted = DTYPES[plan.trained_precision or "float32"]
    for name, parameter in model.named_parameters():
        if f".{NAME}." in name:
            parameter.requires_grad_(requires_grad=True)
            parameter.data = parameter.data.to(wanted)
    for head in new_heads(model, plan):
        head.requires_grad_(requires_grad=True)
    return Applied(model)


def keep_bottlenecks(model: Any, folder: Path) -> None:
    """The trained tensors by name, and what the adapters are, in two files."""
    tensors = {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    adapters = [module for module in model.modules() if isinstance(module, Bottleneck)]
    layers = len(layers_of(model))
    facts = {
        "method": "adapter",
        "base_model_name_or_path": model.config.name_or_path,
        "bottleneck": adapters[0].down.out_features,
        "per_layer": len(adapters) // layers,
        "width": adapters[0].down.in_features,
        "layers": layers,
        "activation": "gelu",
    }
    (folder / CONFIG).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def restore_bottlenecks(model: Any, folder: Path) -> Any:
    """The base with the kept adapters behind its layers.

    Raises ModelFolderError for broken files, and where number or width of layers differ.
    """
    try:
        facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        inner, each = int(facts["bottleneck"]), int(facts["per_layer"])
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelFolderError(
            f"The bottleneck adapters cannot be read: {type(error).__name__}: {error}",
            hint="Copy the folder again, or train again.",
            where=str(folder),
        ) from error
    own = dict(_attach(model, inner, each, 0.0).named_parameters())
    wanted = {name for name in own if f".{NAME}." in name}
    strange = {
        name
        for name, tensor in tensors.items()
        if name not in own or own[name].shape != tensor.shape
    }
    if strange or not wanted <= set(tensors):
        name = min(strange or wanted - set(tensors))
        raise ModelFolderError(
            f"The adapters were trained on another base: '{name}' does not fit this one.",
            hint=f"Open them on {facts.get('base_model_name_or_path') or 'their own base'}.",
            where=str(folder),
        )
    for name, tensor in tensors.items():
        own[name].data = tensor.to(own[name].device)
    return model


def _attach(model: Any, inner: int, each: int, dropout: float) -> Any:
    width = model.config.get_text_config().hidden_size
    for layer in layers_of(model):
        device = next(layer.parameters()).device
        for part in _parts(layer, each):
            part.add_module(NAME, Bottleneck(width, inner, dropout).to(device))
            part.register_forward_hook(_adapted)
    return model


def _parts(layer: Any, each: int) -> list[Any]:
    if each == 1:
        return [layer]
    parts = [next((getattr(layer, n) for n in names if hasattr(layer, n)), None) for names in PARTS]
    if any(part is None for part in parts):
        raise PlanError(
            f"Attention and feed-forward part of a {type(layer).__name__} cannot be told apart.",
            hint="Set the option per_layer to 1.",
        )
    return parts


def _adapted(module: Any, _args: Any, output: Any) -> Any:
    """What the part puts out, through its adapter; attention gives its weights along."""
    if isinstance(output, tuple):
        return (module.bottleneck(output[0]), *output[1:])
    return module.bottleneck(output)
