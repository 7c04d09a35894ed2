"""Decoders built like Llama: separate projections, RMS norms, a gated feed-forward."""

from __future__ import annotations

from dataclasses import replace

from advisor.catalog.architectures.manner import (
    Manner,
    all_layers,
    every,
    reader_of,
    when_used,
)
from advisor.catalog.architectures.reading import Config, Shape

_GEMMA3_DEFAULTS = {
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131_072,
}
MANNERS = {
    "llama": Manner(feed_forward_bias="mlp_bias"),
    "mistral": Manner(qkv_bias=False, output_bias=False, windows=all_layers),
    "ministral": Manner(qkv_bias=False, output_bias=False, windows=every(1)),
    "ministral3": Manner(qkv_bias=False, output_bias=False, windows=all_layers),
    "qwen2": Manner(qkv_bias=True, output_bias=False, windows=when_used),
    "qwen3": Manner(head_norm="head", windows=when_used),
    "mimo": Manner(bias_default=True, output_bias=False),
    "gemma": Manner(tied=True, activation="gelu", defaults={"head_dim": 256}),
    "gemma2": Manner(
        tied=True,
        norms=4,
        activation="gelu",
        windows=every(2, 4096),
        defaults={"head_dim": 256, "num_key_value_heads": 4},
    ),
    "gemma3_text": Manner(
        tied=True,
        norms=4,
        head_norm="head",
        activation="gelu",
        windows=every(6, 4096),
        defaults=_GEMMA3_DEFAULTS,
    ),
    "phi3": Manner(
        qkv_bias=False,
        output_bias=False,
        attention_names=("qkv_proj", "o_proj"),
        feed_forward="packed",
        feed_forward_names=("gate_up_proj", "down_proj"),
        windows=all_layers,
    ),
    "glm": Manner(
        bias_default=True,
        output_bias=False,
        feed_forward="packed",
        feed_forward_names=("gate_up_proj", "down_proj"),
        defaults={"head_dim": 128, "num_key_value_heads": 2},
    ),
    "glm4": Manner(
        bias_default=True,
        output_bias=False,
        norms=4,
        feed_forward="packed",
        feed_forward_names=("gate_up_proj", "down_proj"),
        defaults={"head_dim": 128, "num_key_value_heads": 2},
    ),
    "granite": Manner(feed_forward_bias="mlp_bias"),
    "smollm3": Manner(feed_forward_bias="mlp_bias", tied=True),
    "olmo": Manner(norm="layer", norm_values=0),
    "olmo2": Manner(head_norm="full"),
    "olmo3": Manner(head_norm="full", windows=every(4, 4096)),
    "cohere": Manner(
        tied=True,
        norm="layer",
        parallel=True,
        head_norm="heads",
        head_norm_key="use_qk_norm",
    ),
    "cohere2": Manner(tied=True, norm="layer", parallel=True, windows=every(4, 4096)),
    "stablelm": Manner(
        qkv_bias="use_qkv_bias",
        output_bias=False,
        norm="layer",
        norm_values=2,
        head_norm="heads",
        head_norm_key="qk_layernorm",
        parallel="use_parallel_residual",
    ),
    "starcoder2": Manner(
        qkv_bias="use_bias",
        bias_default=True,
        output_bias="use_bias",
        output_bias_default=True,
        feed_forward="plain",
        feed_forward_names=("c_fc", "c_proj"),
        feed_forward_bias=True,
        norm="layer",
        norm_values=2,
        tied=True,
        activation="gelu_pytorch_tanh",
        windows=all_layers,
    ),
    "seed_oss": Manner(
        bias_default=True,
        output_bias="attention_out_bias",
        feed_forward_bias="mlp_bias",
        defaults={"head_dim": 128},
    ),
    "apertus": Manner(
        head_norm="head",
        feed_forward="plain",
        feed_forward_names=("up_proj", "down_proj"),
        extra_parameters=2,
        activation="xielu",
    ),
    "arcee": Manner(
        feed_forward="plain",
        feed_forward_names=("up_proj", "down_proj"),
        feed_forward_bias="mlp_bias",
        activation="relu2",
    ),
    "nemotron": Manner(
        feed_forward="plain",
        feed_forward_names=("up_proj", "down_proj"),
        feed_forward_bias="mlp_bias",
        norm="layer",
        norm_values=2,
        activation="relu2",
    ),
    "exaone4": Manner(qkv_bias=False, output_bias=False, head_norm="head", windows=every(4)),
    "ernie4_5": Manner(
        qkv_bias="use_bias",
        output_bias="use_bias",
        feed_forward_bias="use_bias",
        tied=True,
        defaults={"head_dim": 128},
    ),
    "helium": Manner(feed_forward_bias="mlp_bias", output_bias=False),
    "hunyuan_v1_dense": Manner(head_norm="head"),
    "minicpm": Manner(qkv_bias=False, output_bias=False, tied=True),
    "baichuan": Manner(qkv_bias=False, output_bias=False, attention_names=("W_pack", "o_proj")),
    "internlm": Manner(qkv_bias="bias", output_bias="bias", bias_default=True),
    "internlm2": Manner(
        qkv_bias="bias",
        output_bias="bias",
        attention_names=("wqkv", "wo"),
        feed_forward_names=("w1", "w3", "w2"),
    ),
    "internlm3": Manner(qkv_bias="qkv_bias", output_bias="bias", feed_forward_bias="bias"),
}
READERS = {family: reader_of(manner) for family, manner in MANNERS.items()}


def bitnet(config: Config) -> Shape:
    """BitNet: Llama with a norm before each projection back, over what goes into it."""
    shape = reader_of(Manner(activation="relu2"))(config)
    groups = tuple(
        group.model_copy(
            update={
                "other_parameters": group.other_parameters
                + shape.hidden_size
                + group.intermediate_size
            }
        )
        for group in shape.groups
    )
    return replace(shape, groups=groups)


READERS["bitnet"] = bitnet
READERS |= {"Yi": READERS["llama"], "gemma3": READERS["gemma3_text"]}
