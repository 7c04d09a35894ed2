"""What the software decides in a plan: autocast, precisions left open, how experts are held."""

from __future__ import annotations

from typing import Any

from advisor.contracts import MethodInfo
from advisor.schema.architecture import Experts
from advisor.schema.catalog import ModelCard, Stack

_SHARDED = ("fsdp", "zero3")


def suit_software(
    values: dict[str, Any], reasons: dict[str, str], stack: Stack, strategy: str, *, adapts: bool
) -> None:
    """Autocast, and trained shards in 32 bits, where the software has them."""
    settled = ("--",) if adapts else ("--", "stack")
    is_stated = reasons.get("trained_precision", "").startswith(settled)
    if is_stated and strategy in _SHARDED and values["trained_precision"] == "float32":
        values.pop("compute_precision", None)  # what is gathered is lowered already
    if not stack.autocasts or values["precision"] == "float32":
        return
    values.setdefault("compute_precision", values["precision"])
    if strategy == "fsdp" and not is_stated:
        values["trained_precision"] = "float32"
        reasons["trained_precision"] = "accelerate lifts trained shards to 32 bits"


def settle_precisions(values: dict[str, Any], info: MethodInfo, strategy: str) -> None:
    """Precisions that nobody stated, written out.

    Low-rank adapters are made in 32 bits (PEFT), DeepSpeed steps 32-bit copies of all weights,
    else they stay as they are loaded, and so does what a quantised base leaves unpacked. Other
    methods know their own.
    """
    loaded = values["precision"]
    if values.get("trained_precision") is None and (info.needs_rank or info.id == "full"):
        copied = info.needs_rank or strategy.startswith("zero")
        values["trained_precision"] = "float32" if copied else loaded
    if values["quantisation"] != "none" and values.get("unquantised_precision") is None:
        values["unquantised_precision"] = loaded


def experts_held(stack: Stack, model: ModelCard, quantisation: str) -> Experts | None:
    """How the software holds the model's experts; published GPTQ and AWQ bases pack them all."""
    if not model.has_experts:
        return None
    held = stack.experts.of(model.family)
    return "packed" if held == "fused" and quantisation in ("gptq", "awq") else held
