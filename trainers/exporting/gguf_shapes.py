"""Which models can be written as GGUF here, and the numbers of them that llama.cpp wants."""

from __future__ import annotations

from typing import Any, NamedTuple

from advisor.errors import PlanError

ARCHITECTURES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
}
"""By the class in config.json: the name of llama.cpp. Those that were tried against it."""
HERE = ("f32", "f16", "bf16", "q8_0")
"""Precisions that the pip package gguf can write."""


class Shape(NamedTuple):
    """Numbers of a decoder that stand in a GGUF file."""

    architecture: str
    layers: int
    width: int
    inner: int
    heads: int
    shared_heads: int
    head_width: int
    context: int
    vocabulary: int
    epsilon: float
    base: float
    """Of the rotary positions."""

    @property
    def turns_pairs(self) -> bool:
        """Whether llama.cpp wants rows of queries and keys in pairs, not in halves."""
        return self.architecture == "llama"


def shape_of(config: dict[str, Any]) -> Shape:
    """The numbers of a config.json. Raises PlanError for what was never tried against llama.cpp."""
    kind = next(iter(config.get("architectures") or ()), str(config.get("model_type")))
    architecture = ARCHITECTURES.get(kind)
    if architecture is None:
        raise _cannot(f"'{kind}' is not written as GGUF here (only {', '.join(ARCHITECTURES)})")
    rotary = config.get("rope_parameters") or config.get("rope_scaling") or {}
    way = rotary.get("rope_type") or rotary.get("type") or "default"
    if way != "default":
        raise _cannot(f"rotary positions of kind '{way}' are not written here")
    if float(rotary.get("partial_rotary_factor", 1.0)) != 1.0:
        raise _cannot("rotary positions over a part of each head are not written here")
    if architecture == "llama" and (config.get("attention_bias") or config.get("mlp_bias")):
        raise _cannot("a llama with biases is not written here")
    if config.get("use_sliding_window", True) and _slides(config):
        raise _cannot("attention over a sliding window is not written here")
    if config.get("hidden_act", "silu") != "silu":
        raise _cannot(f"the activation '{config['hidden_act']}' is not written here")
    heads = int(config["num_attention_heads"])
    return Shape(
        architecture=architecture,
        layers=int(config["num_hidden_layers"]),
        width=int(config["hidden_size"]),
        inner=int(config["intermediate_size"]),
        heads=heads,
        shared_heads=int(config.get("num_key_value_heads") or heads),
        head_width=int(config.get("head_dim") or int(config["hidden_size"]) // heads),
        context=int(config["max_position_embeddings"]),
        vocabulary=int(config["vocab_size"]),
        epsilon=float(config["rms_norm_eps"]),
        base=float(rotary.get("rope_theta") or config.get("rope_theta") or 10000.0),
    )


def _slides(config: dict[str, Any]) -> bool:
    window = config.get("sliding_window")
    kinds = set(config.get("layer_types") or ())
    return bool(window) or bool(kinds - {"full_attention"})


def _cannot(why: str) -> PlanError:
    return PlanError(
        f"This model cannot be written as GGUF without llama.cpp's converter: {why}.",
        hint="Get llama.cpp's source and name its folder: option llama_cpp=FOLDER, or the"
        " environment variable ADVISOR_LLAMA_CPP (it holds convert_hf_to_gguf.py).",
        where="config.json",
    )
