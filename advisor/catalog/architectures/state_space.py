"""Decoders that mix attention with convolutions or state spaces: Granite 4 and LFM2."""

from __future__ import annotations

from advisor.catalog.architectures.manner import Manner, heads_of, shape_around
from advisor.catalog.architectures.reading import (
    Config,
    Shape,
    alternating,
    attention,
    gated_feed_forward,
    packed_feed_forward,
    split_attention,
)
from advisor.catalog.architectures.sparse import Sparse
from advisor.schema.architecture import LayerGroup, Linear

_ATTENTION = ("attention", "full_attention")


def mamba2(config: Config, hidden: int) -> tuple[tuple[Linear, ...], int]:
    """A Mamba 2 layer and its parameters outside linear modules."""
    inner = config.whole("mamba_expand", default=2) * hidden
    heads = config.whole("mamba_n_heads", default=128)
    groups = config.whole("mamba_n_groups", default=1)
    mixed = inner + 2 * groups * config.whole("mamba_d_state", default=256)
    bias = config.flag("mamba_proj_bias")
    kernel = config.whole("mamba_d_conv", default=4)
    convolution = mixed * kernel + (mixed if config.flag("mamba_conv_bias", default=True) else 0)
    modules = (
        attention("in_proj", hidden, inner + mixed + heads, bias=bias),
        attention("out_proj", inner, hidden, bias=bias),
    )
    return modules, convolution + 3 * heads + inner


def granite_hybrid(config: Config) -> Shape:
    """Granite 4: Mamba 2 in most layers, attention in some, experts beside a shared one."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    shared = config.whole("shared_intermediate_size")
    names = ("input_linear", "output_linear")
    sparse = Sparse(
        experts=config.maybe("num_local_experts") or 0,
        per_token=config.whole("num_experts_per_tok", default=1),
        width=config.whole("intermediate_size"),
        shared_width=shared,
        shared_names=names,
        router="router",
    )
    feed_forward = (
        sparse.linears(hidden)
        if sparse.experts
        else packed_feed_forward(hidden, shared, names=names)
    )
    bias = config.flag("attention_bias")
    by_kind = {
        True: (split_attention(hidden, heads_of(config, {}), biases=(bias, bias)), 0),
        False: mamba2(config, hidden),
    }
    kinds = config.get("layer_types") or ["mamba"] * layers
    groups = tuple(
        LayerGroup(
            count=count,
            linears=(*by_kind[kind][0], *feed_forward),
            other_parameters=2 * hidden + by_kind[kind][1],
            intermediate_size=sparse.active_width if sparse.experts else shared,
            activation=config.text("hidden_act", default="silu"),
            experts=sparse.experts,
            experts_per_token=sparse.per_token if sparse.experts else 0,
        )
        for kind, count in alternating(kind in _ATTENTION for kind in kinds[:layers])
    )
    return shape_around(config, Manner(), groups)


def lfm2(config: Config) -> Shape:
    """LFM2: short convolutions in most layers, attention with query/key norms in some."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    heads, width = heads_of(config, {"num_key_value_heads": 8}), _lfm2_width(config)
    bias = config.flag("conv_bias")
    convolution = hidden * config.whole("conv_L_cache", default=3) + (hidden if bias else 0)
    by_kind = {
        True: (
            split_attention(hidden, heads, names=("q_proj", "k_proj", "v_proj", "out_proj")),
            2 * heads.width,
        ),
        False: (
            (
                attention("in_proj", hidden, 3 * hidden, bias=bias),
                attention("out_proj", hidden, hidden, bias=bias),
            ),
            convolution,
        ),
    }
    indices = config.numbers("full_attn_idxs") or tuple(range(layers))
    kinds = config.get("layer_types") or [
        "full_attention" if i in indices else "conv" for i in range(layers)
    ]
    groups = tuple(
        LayerGroup(
            count=count,
            linears=(
                *by_kind[kind][0],
                *gated_feed_forward(hidden, width, names=("w1", "w3", "w2")),
            ),
            other_parameters=2 * hidden + by_kind[kind][1],
            intermediate_size=width,
            query_key_norm=kind,
        )
        for kind, count in alternating(kind in _ATTENTION for kind in kinds[:layers])
    )
    tied = config.flag("tie_embedding", default=config.flag("tie_word_embeddings", default=True))
    return shape_around(config, Manner(tied=tied), groups)


def _lfm2_width(config: Config) -> int:
    width = config.whole("block_ff_dim", "intermediate_size")
    if not config.flag("block_auto_adjust_ff_dim", default=True):
        return width
    multiple = config.whole("block_multiple_of", default=256)
    width = int(float(config.get("block_ffn_dim_multiplier", 1.0)) * int(2 * width / 3))
    return -(-width // multiple) * multiple


READERS = {"granitemoehybrid": granite_hybrid, "lfm2": lfm2}
