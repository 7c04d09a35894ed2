"""The language model of Gemma 3n: several streams between layers, tables and a bypass per layer."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.catalog.architectures.manner import heads_of
from advisor.catalog.architectures.reading import (
    Config,
    Shape,
    alternating,
    attention,
    gated_feed_forward,
    linear,
)
from advisor.schema.architecture import LayerGroup, Linear

NOTE = "parameters are exact; the streams it keeps beside the hidden state are not counted"
_DEFAULTS = {
    "hidden_size": 2048,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 256,
}


@dataclass(frozen=True)
class _Kind:
    """What makes one layer differ from another."""

    is_global: bool
    borrows: bool
    """Whether it uses the keys and values of an earlier layer."""
    width: int


def _kinds(config: Config, layers: int) -> list[_Kind]:
    named = config.get("layer_types") or [
        "sliding_attention" if (i + 1) % 5 else "full_attention" for i in range(layers)
    ]
    widths = config.get("intermediate_size", 16_384)
    widths = widths if isinstance(widths, list) else [widths] * layers
    first_borrower = layers - config.get("num_kv_shared_layers", 15)
    return [
        _Kind(name == "full_attention", borrows=i >= first_borrower > 0, width=width)
        for i, (name, width) in enumerate(zip(named[:layers], widths, strict=True))
    ]


def _streams(config: Config, hidden: int) -> tuple[tuple[Linear, ...], int]:
    """What mixes the streams before and after a layer, and the low-rank bypass."""
    count, rank = (
        config.whole("altup_num_inputs", default=4),
        config.whole("laurel_rank", default=64),
    )
    modules = (
        linear("modality_router", hidden, count),
        linear("prediction_coefs", count, count**2),
        linear("correction_coefs", count, count),
        linear("linear_left", hidden, rank),
        linear("linear_right", rank, hidden),
    )
    return modules, 3 * hidden


def _group(config: Config, kind: _Kind, count: int) -> LayerGroup:
    hidden = config.whole("hidden_size", default=2048)
    own = config.whole("hidden_size_per_layer_input", default=256)
    heads, bias = heads_of(config, _DEFAULTS), config.flag("attention_bias")
    names = () if kind.borrows else ("k_proj", "v_proj")
    modules = (
        attention("q_proj", hidden, heads.query_width, bias=bias),
        *(attention(name, hidden, heads.key_value_width, bias=bias) for name in names),
        attention("o_proj", heads.query_width, hidden, bias=bias),
    )
    streams, norms = _streams(config, hidden)
    return LayerGroup(
        count=count,
        linears=(
            *modules,
            *streams,
            *gated_feed_forward(hidden, kind.width),
            linear("per_layer_input_gate", hidden, own),
            linear("per_layer_projection", own, hidden),
        ),
        other_parameters=5 * hidden + norms + heads.width * (1 if kind.borrows else 2),
        intermediate_size=kind.width,
        activation=config.text("hidden_activation", default="gelu_pytorch_tanh"),
        norms=7,
        query_key_norm=True,
        window=None if kind.is_global else config.whole("sliding_window", default=512),
    )


def gemma3n(config: Config) -> Shape:
    """Embeddings of its own for each layer, and projections between the streams around them."""
    hidden = config.whole("hidden_size", default=2048)
    layers = config.whole("num_hidden_layers", default=35)
    vocabulary = config.whole("vocab_size", default=262_400)
    own = config.whole("hidden_size_per_layer_input", default=256)
    per_layer = config.whole("vocab_size_per_layer_input", default=262_144) * layers * own
    streams = config.whole("altup_num_inputs", default=4) - 1
    tied = config.flag("tie_word_embeddings", default=True)
    return Shape(
        hidden_size=hidden,
        heads=heads_of(config, _DEFAULTS),
        vocabulary_size=vocabulary,
        groups=tuple(
            _group(config, kind, count) for kind, count in alternating(_kinds(config, layers))
        ),
        embedding_parameters=vocabulary * hidden + per_layer,
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=hidden + hidden * layers * own + own + 2 * streams * hidden**2,
        max_sequence_length=config.maybe("max_position_embeddings") or 32_768,
        tied=tied,
        is_approximate=True,
        note=NOTE,
    )


READERS = {"gemma3n_text": gemma3n}
