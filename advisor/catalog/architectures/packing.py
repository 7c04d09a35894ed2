"""How a checkpoint's weights are packed, by the `quantization_config` of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advisor.schema.plan import Quantisation

_FORMATS: dict[tuple[str, int], Quantisation] = {
    ("gptq", 4): "gptq",
    ("gptq", 8): "int8",
    ("gptqmodel", 4): "gptq",
    ("gptqmodel", 8): "int8",
    ("auto-round", 4): "gptq",
    ("auto-round", 8): "int8",
    ("auto_round", 4): "gptq",
    ("intel/auto-round", 4): "gptq",
    ("awq", 4): "awq",
    ("bitsandbytes", 4): "nf4",
    ("bitsandbytes", 8): "int8",
    ("compressed-tensors", 4): "gptq",
    ("compressed-tensors", 8): "int8",
    ("fp8", 8): "fp8",
    ("fbgemm_fp8", 8): "fp8",
    ("finegrained_fp8", 8): "fp8",
}
"""Method and bits -> the packing of the same size that plans know."""
_USUAL_BITS = {"gptq": 4, "awq": 4, "fp8": 8, "fbgemm_fp8": 8, "finegrained_fp8": 8}
_UNPACKED = ("mxfp4",)
"""What transformers unpacks to 16 bits before it trains."""


@dataclass(frozen=True)
class Packing:
    """How a checkpoint is packed; `quantised_as` is None where nothing here trains on it."""

    name: str = ""
    """As the configuration says it, with the bits: `gptq, 4 bits`; empty = it is not packed."""
    quantised_as: Quantisation | None = None
    note: str = ""


def packing_of(content: Mapping[str, Any]) -> Packing:
    """The packing that a configuration states, at its top or in its text part."""
    inner = content.get("text_config")
    stated = content.get("quantization_config") or content.get("compression_config")
    if not stated and isinstance(inner, dict):
        stated = inner.get("quantization_config")
    if not isinstance(stated, dict) or not stated:
        return Packing()
    method = str(stated.get("quant_method") or _by_flags(stated)).lower()
    if method in _UNPACKED:
        note = f"the checkpoint is packed as {method}, which is unpacked to 16 bits for training"
        return Packing(note=note)
    bits = _bits(stated, method)
    if method == "compressed-tensors" and _is_float(stated):
        return Packing(f"{method}, float {bits} bits", "fp8" if bits == 8 else None)
    return Packing(f"{method}, {bits} bits" if bits else method, _FORMATS.get((method, bits)))


def _by_flags(stated: Mapping[str, Any]) -> str:
    loads = stated.get("load_in_4bit") or stated.get("load_in_8bit")
    return "bitsandbytes" if loads else "an unnamed method"


def _bits(stated: Mapping[str, Any], method: str) -> int:
    """Bits per packed weight; 0 where the configuration does not say."""
    if method == "bitsandbytes":
        return 8 if stated.get("load_in_8bit") else 4
    weights = _weights(stated)
    for said in (stated.get("bits"), stated.get("w_bit"), weights.get("num_bits")):
        if isinstance(said, int) and not isinstance(said, bool):
            return said
    return _USUAL_BITS.get(method, 0)


def _weights(stated: Mapping[str, Any]) -> Mapping[str, Any]:
    """What compressed-tensors says about the weights of its first group."""
    groups = stated.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    return weights if isinstance(weights, dict) else {}


def _is_float(stated: Mapping[str, Any]) -> bool:
    return _weights(stated).get("type") == "float"
