"""What a number costs in memory: bytes per weight by precision and by how it is packed."""

from __future__ import annotations

from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan, Precision
from trainers.methods.shapes import linear_weights

WEIGHT_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
_NF4 = 0.5
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
    packed = min(linear_weights(model), model.parameters)
    return packed_bytes(plan) * packed + unpacked_bytes(plan) * (model.parameters - packed)


def unpacked_bytes(plan: Plan) -> int:
    """Bytes of what quantisation leaves alone: embeddings, head, norms and biases."""
    return WEIGHT_BYTES[plan.unquantised_precision or plan.precision]
