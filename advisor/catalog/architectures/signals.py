"""Entries of a configuration that tell of parts a reader does not know, so that none is guessed."""

from __future__ import annotations

from typing import Any

from advisor.catalog.architectures.reading import Config

_FRAGMENTS = (
    "expert",
    "moe",
    "mamba",
    "ssm",
    "conv",
    "linear_attn",
    "linear_num",
    "linear_head",
    "linear_key",
    "linear_value",
    "delta",
    "hybrid",
    "rwkv",
    "retention",
    "per_layer",
    "laurel",
    "altup",
    "recur",
    "cycle",
    "loop",
    "lru_",
    "time_step",
    "hc_mult",
    "codebook",
    "mem_blocks",
    "per_stack",
    "adapter",
    "embedding_size",
    "embed_dim",
    "engram",
    "memory",
)
"""In a key: experts, state spaces, convolutions, recurrence, tables for each layer, loops."""
_HARMLESS = (
    "router",
    "coef",
    "renorm",
    "moe_norm",
    "expert_group",
    "group_expert",
    "experts_implementation",
    "fp32",
    "converted",
    "conversation",
    "memory_efficient",
    "mem_eff",
)
"""In a key that sounds like one of those and changes no shape."""
_EXPERTS = frozenset(
    (
        "num_local_experts",
        "num_experts",
        "n_routed_experts",
        "moe_num_experts",
        "num_experts_per_tok",
        "num_experts_per_token",
        "experts_per_token",
        "moe_k",
        "moe_topk",
        "moe_intermediate_size",
        "expert_intermediate_size",
        "shared_expert_intermediate_size",
        "n_shared_experts",
        "num_shared_experts",
        "moe_num_shared_experts",
        "moe_layer_start_index",
        "moe_layer_end_index",
        "moe_layer_interval",
    )
)
"""What the fallback understands."""
_OWN_CONFIGS = frozenset(("quantization_config", "compression_config", "generation_config"))
_KINDS = ("linear", "mamba", "conv", "recurrent", "ssm", "delta", "hybrid", "compressed", "sparse_")
"""In the name of a layer that is no ordinary attention."""


def signals(config: Config, *, understood: tuple[str, ...] = ()) -> list[str]:
    """Keys that tell of parts which the fallback does not know, in order of appearance.

    `understood` are beginnings of keys that a reader takes into account itself.
    """
    found = [
        key
        for key, value in config.content.items()
        if _says_something(value)
        and not key.startswith(understood or ("\0",))
        and (_signals_part(key.lower()) or (isinstance(value, dict) and _is_part(key)))
    ]
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and not any(u.startswith("linear") for u in understood):
        odd = {str(kind) for kind in kinds if any(word in str(kind) for word in _KINDS)}
        found += [f"layer_types: {kind}" for kind in sorted(odd)]
    if config.get("is_moe") is False and config.get("num_experts"):
        found.append("is_moe")
    return found


def _signals_part(key: str) -> bool:
    if key in _EXPERTS or any(word in key for word in _HARMLESS):
        return False
    return any(word in key for word in _FRAGMENTS)


def _is_part(key: str) -> bool:
    return key.endswith("_config") and key not in _OWN_CONFIGS


def _says_something(value: Any) -> bool:
    """Whether it is a size, a list, a table or a yes; names and fractions change no shape."""
    if isinstance(value, bool):
        return value
    return (isinstance(value, int) and value > 0) or (
        isinstance(value, list | dict) and bool(value)
    )
