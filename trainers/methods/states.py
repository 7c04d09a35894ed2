"""What a number costs in memory: bytes per weight by precision and by how it is packed."""

from __future__ import annotations

from typing import Any

from advisor.schema.catalog import ALWAYS_FUSED, ModelCard
from advisor.schema.plan import Plan, Precision
from advisor.units import gib_from_bytes
from trainers.methods.shapes import fused_experts, linear_weights

WEIGHT_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
_NF4 = 0.5
_PACKING = ("unsloth", "axolotl")
_BLOCK, _GROUP = 64, 128
_PACKED = {
    "gptq": _NF4 + (2 + _NF4) / _GROUP,
    "awq": _NF4 + (2 + _NF4) / _GROUP,
    "int8": 1.0,
    "fp8": 1.0,
}
"""Bytes per packed weight: 16-bit scale and 4-bit zero point per group of 128 for GPTQ and AWQ."""


def packed_bytes(plan: Plan) -> float:
    """Bytes per weight of a quantised matrix, scales included.

    NF4 has a 32-bit scale per block of 64, or with double quantisation an 8-bit one and a 32-bit
    one per 256 blocks (bitsandbytes; 624.8 + 78.1 MiB for 1.31e9 weights in fitcheck).
    """
    if plan.quantisation != "nf4":
        return _PACKED[plan.quantisation]
    return _NF4 + ((1 + 4 / 256) if plan.double_quantisation else 4) / _BLOCK


def base_weight_bytes(plan: Plan, model: ModelCard) -> float:
    """All base weights as loaded: packed matrices, and the rest in its own precision."""
    size = WEIGHT_BYTES[plan.precision]
    if plan.quantisation == "none":
        return float(size * model.parameters)
    packed = packed_parameters(plan, model)
    return packed_bytes(plan) * packed + unpacked_bytes(plan) * (model.parameters - packed)


def packing_of(plan: Plan, model: ModelCard) -> dict[str, Any]:
    """How much of the base is packed, and the bytes of each weight, as a footprint says it."""
    if plan.quantisation == "none":
        return {}
    return {
        "packed_parameters": packed_parameters(plan, model),
        "bytes_per_packed": packed_bytes(plan),
    }


def packed_parameters(plan: Plan, model: ModelCard) -> int:
    """Parameters that quantisation packs: linear layers, and fused experts where software can."""
    experts = fused_experts(model) if plan.experts == "packed" else 0
    return min(linear_weights(model) + experts, model.parameters)


def base_notes(plan: Plan, model: ModelCard) -> tuple[str, ...]:
    """What to know of how the base is loaded."""
    if model.family != "gpt_oss" or plan.experts == "packed":
        return ()
    text = "Its checkpoint holds experts in MXFP4, which transformers unpacks to train"
    if plan.quantisation != "none":
        text += " and refuses to load with another quantisation; a 16-bit copy is counted"
    return (f"{text}.",)


def base_warnings(plan: Plan, model: ModelCard) -> tuple[str, ...]:
    """Experts that a quantised plan leaves unpacked, what that costs, and a way out."""
    unpacked = fused_experts(model) if plan.experts in (None, "fused") else 0
    if plan.quantisation == "none" or not unpacked:
        return ()
    more = gib_from_bytes((unpacked_bytes(plan) - packed_bytes(plan)) * unpacked)
    text = (
        f"Most of {model.id} is not quantised: {plan.stack} keeps its experts in fused tensors "
        f"that 4-bit and 8-bit loading pass over, which takes {more:.1f} GiB more than packing "
        f"them. Software that packs them: --stack {', '.join(_packing(model))}."
    )
    return (text,)


def _packing(model: ModelCard) -> tuple[str, ...]:
    """Stacks that pack the experts of a model which stock transformers leaves as they are."""
    return _PACKING if model.family in ALWAYS_FUSED else (*_PACKING, "transformers-4")


def unpacked_bytes(plan: Plan) -> int:
    """Bytes of what quantisation leaves alone: embeddings, head, norms and biases."""
    return WEIGHT_BYTES[plan.unquantised_precision or plan.precision]
