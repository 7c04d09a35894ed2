"""Decoders that mix linear attention with ordinary attention: Qwen3-Next and Qwen 3.5."""

from __future__ import annotations

from advisor.catalog.architectures.manner import Manner, heads_of, shape_around
from advisor.catalog.architectures.mixture import stepped
from advisor.catalog.architectures.reading import Config, Heads, Shape, attention
from advisor.catalog.architectures.sparse import Layer, Sparse, layered
from advisor.schema.architecture import Linear

_DEFAULTS = {"head_dim": 256}


def _full(config: Config, hidden: int, heads: Heads) -> tuple[tuple[Linear, ...], int]:
    """Ordinary attention whose query projection also gives an output gate."""
    bias = config.flag("attention_bias")
    modules = (
        attention("q_proj", hidden, 2 * heads.query_width, bias=bias),
        attention("k_proj", hidden, heads.key_value_width, bias=bias),
        attention("v_proj", hidden, heads.key_value_width, bias=bias),
        attention("o_proj", heads.query_width, hidden, bias=bias),
    )
    return modules, 2 * heads.width


def _recurrent(config: Config, hidden: int) -> tuple[tuple[Linear, ...], int]:
    """A gated delta net: projections, a short convolution, a decay per head, a norm."""
    key_heads = config.whole("linear_num_key_heads", default=16)
    value_heads = config.whole("linear_num_value_heads", default=32)
    keys = key_heads * config.whole("linear_key_head_dim", default=128)
    value_width = config.whole("linear_value_head_dim", default=128)
    values = value_heads * value_width
    kernel = config.whole("linear_conv_kernel_dim", default=4)
    if config.family.startswith("qwen3_next"):
        projections: tuple[Linear, ...] = (
            attention("in_proj_qkvz", hidden, 2 * keys + 2 * values),
            attention("in_proj_ba", hidden, 2 * value_heads),
        )
    else:
        projections = (
            attention("in_proj_qkv", hidden, 2 * keys + values),
            attention("in_proj_z", hidden, values),
            attention("in_proj_b", hidden, value_heads),
            attention("in_proj_a", hidden, value_heads),
        )
    other = (2 * keys + values) * kernel + 2 * value_heads + value_width
    return (*projections, attention("out_proj", values, hidden)), other


def _experts(config: Config) -> Sparse:
    experts = config.maybe("num_experts")
    if experts is None:
        return Sparse(experts=1, per_token=1, width=1)
    return Sparse(
        experts=experts,
        per_token=config.whole("num_experts_per_tok", default=10),
        width=config.whole("moe_intermediate_size"),
        shared_width=config.whole("shared_expert_intermediate_size"),
        shared_gate="shared_expert_gate",
    )


def qwen_hybrid(config: Config) -> Shape:
    """Each fourth layer has ordinary attention, the others a gated delta net."""
    manner = Manner(defaults=_DEFAULTS)
    hidden, heads = config.whole("hidden_size"), heads_of(config, _DEFAULTS)
    layers, step = (
        config.whole("num_hidden_layers"),
        config.whole("full_attention_interval", default=4),
    )
    kinds = config.get("layer_types") or [
        "linear_attention" if (i + 1) % step else "full_attention" for i in range(layers)
    ]
    by_kind = {
        "full_attention": _full(config, hidden, heads),
        "linear_attention": _recurrent(config, hidden),
    }
    has_experts = config.maybe("num_experts") is not None
    sparse = stepped(config, layers) if has_experts else (False for _ in range(layers))
    groups = layered(
        config,
        (
            Layer(is_sparse, None, by_kind[kind][0], 2 * hidden + by_kind[kind][1])
            for is_sparse, kind in zip(sparse, kinds, strict=False)
        ),
        attention=(),
        sparse=_experts(config),
        dense_width=config.whole("intermediate_size", default=1 if has_experts else None),
        every_layer={"activation": config.text("hidden_act", default="silu")},
    )
    return shape_around(config, manner, groups)


READERS = {
    "qwen3_next": qwen_hybrid,
    "qwen3_5_text": qwen_hybrid,
    "qwen3_5_moe_text": qwen_hybrid,
}
