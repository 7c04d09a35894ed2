"""Kimi Linear: delta attention in most layers, latent attention in some, experts in nearly all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from advisor.catalog.architectures.latent_attention import latent_modules, latent_shape
from advisor.catalog.architectures.reading import Config, Shape, attention
from advisor.catalog.architectures.sparse import Layer, Sparse, layered
from advisor.schema.architecture import Linear

NOTE = "parameters are exact; what its delta attention keeps for the backward pass is a guess"


def _delta(config: Config, stated: Mapping[str, Any]) -> tuple[tuple[Linear, ...], int]:
    """A delta attention, and its parameters outside linear modules."""
    own = Config(
        {
            "linear_head_dim": stated.get("head_dim"),
            "linear_num_heads": stated.get("num_heads"),
            "linear_conv_kernel_dim": stated.get("short_conv_kernel_size"),
        },
        config.where,
    )
    sizes = own if stated else config
    hidden, head = config.whole("hidden_size"), sizes.whole("linear_head_dim", default=128)
    heads = sizes.whole("linear_num_heads", default=32)
    width = heads * head
    modules = (
        *(attention(name, hidden, width) for name in ("q_proj", "k_proj", "v_proj")),
        attention("f_a_proj", hidden, head),
        attention("f_b_proj", head, width),
        attention("b_proj", hidden, heads),
        attention("g_a_proj", hidden, head),
        attention("g_b_proj", head, width),
        attention("o_proj", width, hidden),
    )
    kernel = sizes.whole("linear_conv_kernel_dim", default=4)
    return modules, 3 * width * kernel + width + heads + head


def _attends(config: Config, stated: Mapping[str, Any], layers: int) -> list[bool]:
    """Which layers have latent attention; the checkpoint's own list counts from 1."""
    if "full_attn_layers" in stated:
        listed = set(stated["full_attn_layers"])
        return [i + 1 in listed for i in range(layers)]
    kinds = config.get("layer_types")
    if kinds:
        return [kind == "full_attention" for kind in kinds[:layers]]
    return [i > 0 and i % 4 == 0 for i in range(layers)]


def kimi_linear(config: Config) -> Shape:
    """The keys of the published checkpoint, and those transformers writes."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    stated = config.get("linear_attn_config", {})
    by_kind = {True: latent_modules(config), False: _delta(config, stated)}
    width = config.whole("moe_intermediate_size")
    kinds = config.get("mlp_layer_types")
    first = config.get("first_k_dense_replace", 1)
    sparse = [k == "sparse" for k in kinds] if kinds else [i >= first for i in range(layers)]
    groups = layered(
        config,
        (
            Layer(is_sparse, None, by_kind[attends][0], 2 * hidden + by_kind[attends][1])
            for attends, is_sparse in zip(_attends(config, stated, layers), sparse, strict=False)
        ),
        attention=(),
        sparse=Sparse(
            experts=config.whole("num_experts", "num_local_experts"),
            per_token=config.whole("num_experts_per_token", "num_experts_per_tok"),
            width=width,
            shared_width=width * config.whole("num_shared_experts", "n_shared_experts", default=1),
        ),
        dense_width=config.whole("intermediate_size"),
        every_layer={"activation": config.text("hidden_act", default="silu")},
    )
    shape = latent_shape(config, groups, tied=False)
    length = shape.max_sequence_length or config.maybe("model_max_length")
    return replace(shape, max_sequence_length=length, is_approximate=True, note=NOTE)


READERS = {"kimi_linear": kimi_linear}
