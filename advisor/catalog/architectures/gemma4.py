"""Gemma 4: wider heads in global layers, keys and values shared between layers, experts at wish."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    alternating,
    attention,
    gated_feed_forward,
    linear,
)
from advisor.schema.architecture import LayerGroup, Linear


@dataclass(frozen=True)
class _Kind:
    """What makes one layer differ from another."""

    is_global: bool
    borrows: bool
    """Whether it uses the keys and values of an earlier layer."""


def _kinds(config: Config, layers: int) -> list[_Kind]:
    named = config.get("layer_types") or [
        "sliding_attention" if (i + 1) % 6 else "full_attention" for i in range(layers)
    ]
    first_borrower = layers - config.get("num_kv_shared_layers", 0)
    return [
        _Kind(is_global=name == "full_attention" or i == layers - 1, borrows=i >= first_borrower)
        for i, name in enumerate(named[:layers])
    ]


def _heads(config: Config, *, is_global: bool) -> Heads:
    query = config.whole("num_attention_heads", default=8)
    key_value = config.whole("num_key_value_heads", default=4)
    if not is_global:
        return Heads(query, key_value, config.whole("head_dim", default=256))
    if config.flag("attention_k_eq_v"):
        key_value = config.whole("num_global_key_value_heads", default=key_value)
    return Heads(query, key_value, config.whole("global_head_dim", default=512))


def _attention(config: Config, kind: _Kind, hidden: int) -> tuple[tuple[Linear, ...], int]:
    heads, bias = _heads(config, is_global=kind.is_global), config.flag("attention_bias")
    modules = [attention("q_proj", hidden, heads.query_width, bias=bias)]
    if not kind.borrows:
        modules.append(attention("k_proj", hidden, heads.key_value_width, bias=bias))
        if not (kind.is_global and config.flag("attention_k_eq_v")):
            modules.append(attention("v_proj", hidden, heads.key_value_width, bias=bias))
    modules.append(attention("o_proj", heads.query_width, hidden, bias=bias))
    return tuple(modules), heads.width * (1 if kind.borrows else 2)


def _experts(config: Config, hidden: int) -> tuple[tuple[Linear, ...], int]:
    """Experts that stand beside the dense feed-forward, and the norms and scales around them."""
    if not config.flag("enable_moe_block"):
        return (), 0
    experts, chosen = config.whole("num_experts"), config.whole("top_k_experts")
    width = config.whole("moe_intermediate_size")
    shapes = (("gate_up_proj", hidden, 2 * width), ("down_proj", width, hidden))
    fused = tuple(
        Linear(
            name=name,
            inputs=inputs,
            outputs=outputs,
            copies=experts,
            active_copies=chosen,
            is_module=False,
        )
        for name, inputs, outputs in shapes
    )
    router = Linear(name="proj", inputs=hidden, outputs=experts, part="router")
    return (router, *fused), 4 * hidden + experts


def gemma4(config: Config) -> Shape:
    """The language model of Gemma 4, with its embeddings for each layer where it has them."""
    hidden, layers = config.whole("hidden_size"), config.whole("num_hidden_layers")
    vocabulary = config.whole("vocab_size", default=262_144)
    own = config.get("hidden_size_per_layer_input", 256)
    groups = tuple(
        _group(config, kind, count) for kind, count in alternating(_kinds(config, layers))
    )
    per_layer = config.whole("vocab_size_per_layer_input", default=262_144) * layers * own
    tied = config.flag("tie_word_embeddings", default=True)
    return Shape(
        hidden_size=hidden,
        heads=_heads(config, is_global=False),
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=vocabulary * hidden + per_layer,
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=hidden + (hidden * layers * own + own if own else 0),
        max_sequence_length=config.maybe("max_position_embeddings") or 131_072,
        tied=tied,
    )


def _group(config: Config, kind: _Kind, count: int) -> LayerGroup:
    hidden, own = config.whole("hidden_size"), config.get("hidden_size_per_layer_input", 256)
    modules, norms = _attention(config, kind, hidden)
    experts, around_experts = _experts(config, hidden)
    is_wide = kind.borrows and config.flag("use_double_wide_mlp")
    width = config.whole("intermediate_size") * (2 if is_wide else 1)
    per_layer = (
        (linear("per_layer_input_gate", hidden, own), linear("per_layer_projection", own, hidden))
        if own
        else ()
    )
    routed = config.whole("moe_intermediate_size") * config.whole("top_k_experts") if experts else 0
    return LayerGroup(
        count=count,
        linears=(*modules, *experts, *gated_feed_forward(hidden, width), *per_layer),
        other_parameters=4 * hidden + norms + around_experts + (hidden if own else 0),
        intermediate_size=width + routed,
        activation=config.text("hidden_activation", default="gelu_pytorch_tanh"),
        norms=4 + (3 if experts else 0) + (1 if own else 0),
        query_key_norm=True,
        window=None if kind.is_global else config.whole("sliding_window", default=512),
        experts=config.whole("num_experts") if experts else 0,
        experts_per_token=config.whole("top_k_experts") if experts else 0,
    )


READERS = {"gemma4_text": gemma4}
