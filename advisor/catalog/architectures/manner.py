"""How a decoder built like Llama is read: in what a family differs is data, not code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Reader,
    Shape,
    alternating,
    fused_attention,
    gated_feed_forward,
    packed_feed_forward,
    plain_feed_forward,
    split_attention,
)
from advisor.schema.architecture import LayerGroup, Linear

WindowRule = Callable[[Config, int], tuple[int | None, ...]]


@dataclass(frozen=True)
class Manner:
    """In what a family differs from Llama; texts are keys of the configuration, else constants."""

    qkv_bias: str | bool = "attention_bias"
    bias_default: bool = False
    output_bias: str | bool = "attention_bias"
    output_bias_default: bool = False
    feed_forward_bias: str | bool = False
    feed_forward: Literal["gated", "packed", "plain"] = "gated"
    feed_forward_names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    attention_names: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Two names mean that query, key and value are one module."""
    tied: bool = False
    norm: Literal["rms", "layer"] = "rms"
    norms: int = 2
    norm_values: int = 1
    """Parameters per hidden unit and norm: 0 without weight, 2 with a bias."""
    head_norm: Literal["", "head", "heads", "full"] = ""
    """Query/key norm: one weight per head width, one per head, or one over all heads at once."""
    head_norm_key: str = ""
    extra_parameters: int = 0
    parallel: bool | str = False
    activation: str = "silu"
    windows: WindowRule | None = None
    defaults: dict[str, int] = field(default_factory=dict)


def all_layers(config: Config, layers: int) -> tuple[int | None, ...]:
    """Every layer looks back over the window, where one is configured."""
    return (config.maybe("sliding_window"),) * layers


def when_used(config: Config, layers: int) -> tuple[int | None, ...]:
    """Layers from `max_window_layers` on look back over the window, if it is switched on."""
    if not config.flag("use_sliding_window"):
        return (None,) * layers
    first = config.get("max_window_layers", layers)
    window = config.maybe("sliding_window")
    return tuple(window if i >= first else None for i in range(layers))


def every(period: int, default_window: int | None = None) -> WindowRule:
    """All layers but each `period`-th look back over a window only."""

    def windows(config: Config, layers: int) -> tuple[int | None, ...]:
        window = config.maybe("sliding_window") or default_window
        kinds = config.get("layer_types")
        if kinds:
            return tuple(None if kind == "full_attention" else window for kind in kinds[:layers])
        step = config.get("sliding_window_pattern", period)
        step = step if isinstance(step, int) and step > 0 else period
        return tuple(window if (i + 1) % step else None for i in range(layers))

    return windows


def _is(config: Config, answer: str | bool, *, default: bool) -> bool:  # noqa: FBT001  a key or a constant
    return config.flag(answer, default=default) if isinstance(answer, str) else answer


def heads_of(config: Config, defaults: dict[str, int]) -> Heads:
    """Attention heads by the usual keys."""
    query = config.whole("num_attention_heads", default=defaults.get("num_attention_heads"))
    key_value = config.whole(
        "num_key_value_heads", default=defaults.get("num_key_value_heads", query)
    )
    hidden = config.whole("hidden_size", default=defaults.get("hidden_size"))
    width = config.whole("head_dim", default=defaults.get("head_dim", hidden // query))
    return Heads(query, key_value, width)


def query_key_norm_parameters(manner: Manner, heads: Heads) -> int:
    """Weights of the norms over query and key in one layer."""
    if manner.head_norm == "head":
        return 2 * heads.width
    if manner.head_norm in {"heads", "full"}:
        return heads.query_width + heads.key_value_width
    return 0


def attention_of(config: Config, manner: Manner, hidden: int, heads: Heads) -> tuple[Linear, ...]:
    """The attention's modules."""
    biases = (
        _is(config, manner.qkv_bias, default=manner.bias_default),
        _is(config, manner.output_bias, default=manner.output_bias_default),
    )
    names = manner.attention_names
    if len(names) == 2:
        return fused_attention(hidden, heads, (names[0], names[1]), biases=biases)
    return split_attention(
        hidden, heads, names=(names[0], names[1], names[2], names[3]), biases=biases
    )


def feed_forward_of(config: Config, manner: Manner, hidden: int, width: int) -> tuple[Linear, ...]:
    """The feed-forward's modules."""
    bias = _is(config, manner.feed_forward_bias, default=False)
    names = manner.feed_forward_names
    if manner.feed_forward == "plain":
        return plain_feed_forward(hidden, width, (names[-2], names[-1]), bias=bias)
    if manner.feed_forward == "packed":
        return packed_feed_forward(hidden, width, names=(names[-2], names[-1]))
    return gated_feed_forward(hidden, width, names=(names[0], names[1], names[2]), bias=bias)


def groups_of(config: Config, manner: Manner, heads: Heads) -> tuple[LayerGroup, ...]:
    """The dense layers, one group per window."""
    defaults = manner.defaults
    hidden = config.whole("hidden_size", default=defaults.get("hidden_size"))
    width = config.whole("intermediate_size", default=defaults.get("intermediate_size"))
    layers = config.whole("num_hidden_layers", default=defaults.get("num_hidden_layers"))
    parallel = _is(config, manner.parallel, default=False)
    norms = 1 if parallel else manner.norms
    has_head_norm = bool(manner.head_norm) and (
        not manner.head_norm_key or config.flag(manner.head_norm_key)
    )
    other = norms * manner.norm_values * hidden + manner.extra_parameters
    other += query_key_norm_parameters(manner, heads) if has_head_norm else 0
    linears = (
        *attention_of(config, manner, hidden, heads),
        *feed_forward_of(config, manner, hidden, width),
    )
    windows = (manner.windows or (lambda _, n: (None,) * n))(config, layers)
    return tuple(
        LayerGroup(
            count=count,
            linears=linears,
            other_parameters=other,
            intermediate_size=width,
            gated=manner.feed_forward != "plain",
            activation=config.text("hidden_activation", "hidden_act", default=manner.activation),
            norm=manner.norm,
            norms=norms,
            query_key_norm=has_head_norm,
            parallel=parallel,
            window=window,
        )
        for window, count in alternating(windows)
    )


def shape_around(config: Config, manner: Manner, groups: tuple[LayerGroup, ...]) -> Shape:
    """Embeddings, final norm and head around the layers."""
    defaults = manner.defaults
    hidden = config.whole("hidden_size", default=defaults.get("hidden_size"))
    vocabulary = config.whole("vocab_size", default=defaults.get("vocab_size"))
    tied = config.flag("tie_word_embeddings", default=manner.tied)
    head_bias = vocabulary if config.flag("lm_head_bias") else 0
    return Shape(
        hidden_size=hidden,
        heads=heads_of(config, defaults),
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=vocabulary * hidden,
        head_parameters=(0 if tied else vocabulary * hidden) + head_bias,
        other_parameters=manner.norm_values * hidden,
        max_sequence_length=config.maybe("max_position_embeddings", "model_max_length")
        or defaults.get("max_position_embeddings"),
        tied=tied,
    )


def reader_of(manner: Manner) -> Reader:
    """A reader for a dense family of that manner."""

    def read(config: Config) -> Shape:
        return shape_around(
            config, manner, groups_of(config, manner, heads_of(config, manner.defaults))
        )

    return read
