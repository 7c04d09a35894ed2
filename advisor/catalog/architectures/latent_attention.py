"""Decoders with multi-head latent attention: DeepSeek V2 and V3, MiniCPM3, GLM 4.7 Flash."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.catalog.architectures.manner import Manner, shape_around
from advisor.catalog.architectures.mixture import deepseek_experts, first_dense
from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    attention,
    gated_feed_forward,
)
from advisor.catalog.architectures.sparse import Layer, layered
from advisor.schema.architecture import LayerGroup, Linear


def latent_modules(config: Config) -> tuple[tuple[Linear, ...], int]:
    """The attention's modules and the parameters of the norms between them."""
    hidden, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    rotary, plain = config.whole("qk_rope_head_dim"), config.whole("qk_nope_head_dim")
    value = config.whole("v_head_dim", default=hidden // heads)
    rank, query_rank = config.whole("kv_lora_rank"), config.maybe("q_lora_rank")
    bias = config.flag("attention_bias")
    queries = heads * (rotary + plain)
    query = (
        (
            attention("q_a_proj", hidden, query_rank, bias=bias),
            attention("q_b_proj", query_rank, queries),
        )
        if query_rank
        else (attention("q_proj", hidden, queries),)
    )
    modules = (
        *query,
        attention("kv_a_proj_with_mqa", hidden, rank + rotary, bias=bias),
        attention("kv_b_proj", rank, heads * (plain + value)),
        attention("o_proj", heads * value, hidden, bias=bias),
    )
    return modules, rank + (query_rank or 0)


def latent_shape(config: Config, groups: tuple[LayerGroup, ...], *, tied: bool) -> Shape:
    """All heads have keys of their own once the latent is expanded."""
    heads = config.whole("num_attention_heads")
    width = config.whole("qk_rope_head_dim") + config.whole("qk_nope_head_dim")
    shape = shape_around(config, Manner(tied=tied), groups)
    return Shape(**{**vars(shape), "heads": Heads(heads, heads, width)})


def _sparse_layers(config: Config, layers: int) -> Iterable[bool]:
    kinds = config.get("mlp_layer_types")
    if kinds:
        return (kind == "sparse" for kind in kinds[:layers])
    if config.family == "glm4_moe_lite":
        return (i >= config.get("first_k_dense_replace", 1) for i in range(layers))
    return first_dense(config, layers)


def deepseek(config: Config) -> Shape:
    """DeepSeek V2 and V3 (R1, Moonlight, Kimi K2): the first layers dense, then experts."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    modules, norms = latent_modules(config)
    groups = layered(
        config,
        (Layer(is_sparse) for is_sparse in _sparse_layers(config, layers)),
        attention=modules,
        sparse=deepseek_experts(config),
        dense_width=config.whole("intermediate_size"),
        every_layer={
            "other_parameters": 2 * hidden + norms,
            "activation": config.text("hidden_act", default="silu"),
        },
    )
    return latent_shape(config, groups, tied=False)


def minicpm3(config: Config) -> Shape:
    """MiniCPM3: latent attention without experts."""
    hidden, width = config.whole("hidden_size"), config.whole("intermediate_size")
    modules, norms = latent_modules(config)
    group = LayerGroup(
        count=config.whole("num_hidden_layers"),
        linears=(*modules, *gated_feed_forward(hidden, width)),
        other_parameters=2 * hidden + norms,
        intermediate_size=width,
        activation=config.text("hidden_act", default="silu"),
    )
    return latent_shape(config, (group,), tied=True)


READERS = {
    "deepseek_v2": deepseek,
    "deepseek_v3": deepseek,
    "kimi_k2": deepseek,
    "glm4_moe_lite": deepseek,
    "minicpm3": minicpm3,
}
