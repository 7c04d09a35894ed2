"""Decoders that mix Mamba layers with attention: Jamba (with experts), Bamba and Falcon-H1."""

from __future__ import annotations

from dataclasses import replace

from advisor.catalog.architectures.manner import Manner, heads_of, shape_around
from advisor.catalog.architectures.reading import (
    Config,
    Shape,
    alternating,
    attention,
    gated_feed_forward,
    split_attention,
)
from advisor.catalog.architectures.sparse import Layer, Sparse, layered
from advisor.catalog.architectures.state_space import mamba2
from advisor.schema.architecture import LayerGroup, Linear

NOTE = "parameters are exact; what its state spaces keep for the backward pass is read as attention"


def _mamba1(config: Config, hidden: int) -> tuple[tuple[Linear, ...], int]:
    """A Mamba 1 layer with norms inside, and its parameters outside linear modules."""
    inner = config.whole("mamba_expand", default=2) * hidden
    state = config.whole("mamba_d_state", default=16)
    said = config.get("mamba_dt_rank", "auto")
    rank = -(-hidden // 16) if said == "auto" else config.whole("mamba_dt_rank")
    bias = config.flag("mamba_proj_bias")
    kernel = config.whole("mamba_d_conv", default=4)
    convolution = inner * kernel + (inner if config.flag("mamba_conv_bias", default=True) else 0)
    modules = (
        attention("in_proj", hidden, 2 * inner, bias=bias),
        attention("x_proj", inner, rank + 2 * state),
        attention("dt_proj", rank, inner, bias=True),
        attention("out_proj", inner, hidden, bias=bias),
    )
    return modules, convolution + inner * state + inner + rank + 2 * state


def jamba(config: Config) -> Shape:
    """Jamba: attention in each eighth layer, experts in each second one."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    by_kind = {
        True: (split_attention(hidden, heads_of(config, {"num_key_value_heads": 8})), 0),
        False: _mamba1(config, hidden),
    }
    period, offset = (
        config.whole("attn_layer_period", default=8),
        config.get("attn_layer_offset", 4),
    )
    every = config.whole("expert_layer_period", default=2)
    first = config.get("expert_layer_offset", 1)
    experts = config.whole("num_experts", default=16)
    width = config.whole("intermediate_size")
    kinds = [(i % period == offset, experts > 1 and i % every == first) for i in range(layers)]
    groups = layered(
        config,
        (
            Layer(is_sparse, None, by_kind[attends][0], 2 * hidden + by_kind[attends][1])
            for attends, is_sparse in kinds
        ),
        attention=(),
        sparse=Sparse(
            experts=experts,
            per_token=config.whole("num_experts_per_tok", default=2),
            width=width,
            router="router",
        ),
        dense_width=width,
        every_layer={"activation": config.text("hidden_act", default="silu")},
    )
    return replace(shape_around(config, Manner(), groups), is_approximate=True, note=NOTE)


def bamba(config: Config) -> Shape:
    """Bamba: Mamba 2 in most layers, attention in those listed."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    width, bias = config.whole("intermediate_size"), config.flag("attention_bias")
    heads = heads_of(config, {"num_key_value_heads": 8})
    by_kind = {
        True: (split_attention(hidden, heads, biases=(bias, bias)), 0),
        False: mamba2(config, hidden),
    }
    feed_forward = gated_feed_forward(hidden, width, bias=config.flag("mlp_bias"))
    attending = config.numbers("attn_layer_indices")
    groups = tuple(
        LayerGroup(
            count=count,
            linears=(*by_kind[attends][0], *feed_forward),
            other_parameters=2 * hidden + by_kind[attends][1],
            intermediate_size=width,
            activation=config.text("hidden_act", default="silu"),
        )
        for attends, count in alternating(i in attending for i in range(layers))
    )
    return replace(shape_around(config, Manner(), groups), is_approximate=True, note=NOTE)


def falcon_h1(config: Config) -> Shape:
    """Falcon-H1: attention and Mamba 2 side by side in every layer."""
    hidden, width = config.whole("hidden_size"), config.whole("intermediate_size")
    inner = config.maybe("mamba_d_ssm") or config.whole("mamba_expand", default=2) * hidden
    heads = config.whole("mamba_n_heads", default=128)
    groups = config.whole("mamba_n_groups", default=1)
    mixed = inner + 2 * groups * config.whole("mamba_d_state", default=256)
    kernel = config.whole("mamba_d_conv", default=4)
    convolution = mixed * kernel + (mixed if config.flag("mamba_conv_bias", default=True) else 0)
    norm = inner if config.flag("mamba_rms_norm") else 0
    bias = config.flag("attention_bias")
    group = LayerGroup(
        count=config.whole("num_hidden_layers"),
        linears=(
            attention(
                "in_proj", hidden, inner + mixed + heads, bias=config.flag("mamba_proj_bias")
            ),
            attention("out_proj", inner, hidden, bias=config.flag("projectors_bias")),
            *split_attention(
                hidden, heads_of(config, {"num_key_value_heads": 8}), biases=(bias, bias)
            ),
            *gated_feed_forward(hidden, width, bias=config.flag("mlp_bias")),
        ),
        other_parameters=2 * hidden + convolution + 3 * heads + norm,
        intermediate_size=width,
        activation=config.text("hidden_act", default="silu"),
    )
    return replace(shape_around(config, Manner(), (group,)), is_approximate=True, note=NOTE)


READERS = {"jamba": jamba, "bamba": bamba, "falcon_h1": falcon_h1}
