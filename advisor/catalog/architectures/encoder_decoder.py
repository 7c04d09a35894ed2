"""Encoder-decoders of the T5 and the BART class."""

from __future__ import annotations

from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    gated_feed_forward,
    plain_feed_forward,
    split_attention,
)
from advisor.schema.architecture import LayerGroup

_NAMES = ("q", "k", "v", "o")


def t5(config: Config) -> Shape:
    """T5, FLAN-T5 and mT5: relative positions in the first layer of each side.

    UMT5 has them in every layer.
    """
    hidden, count = config.whole("d_model", "hidden_size"), config.whole("num_heads")
    heads = Heads(count, count, config.whole("d_kv", default=hidden // count))
    vocabulary = config.whole("vocab_size", default=250_112 if config.family != "t5" else None)
    encoder_layers = config.whole("num_layers")
    decoder_layers = config.whole("num_decoder_layers", default=encoder_layers)
    positions = config.whole("relative_attention_num_buckets", default=32) * count
    in_every_layer = config.family == "umt5"
    tied = config.flag("tie_word_embeddings", default=True)
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=(
            _group(config, heads, encoder_layers, positions=positions if in_every_layer else 0),
            _group(
                config,
                heads,
                decoder_layers,
                positions=positions if in_every_layer else 0,
                is_decoder=True,
            ),
        ),
        embedding_parameters=vocabulary * hidden,
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=2 * hidden + (0 if in_every_layer else 2 * positions),
        max_sequence_length=config.maybe("n_positions"),
        tied=tied,
        kind="encoder_decoder",
    )


def _group(
    config: Config, heads: Heads, count: int, *, positions: int, is_decoder: bool = False
) -> LayerGroup:
    hidden, width = config.whole("d_model", "hidden_size"), config.whole("d_ff")
    manner = config.text(
        "feed_forward_proj", default="relu" if config.family == "t5" else "gated-gelu"
    )
    is_gated = manner.startswith("gated")
    feed_forward = (
        gated_feed_forward(hidden, width, names=("wi_0", "wi_1", "wo"))
        if is_gated
        else plain_feed_forward(hidden, width, ("wi", "wo"), bias=False)
    )
    norms = 3 if is_decoder else 2
    own = split_attention(hidden, heads, names=_NAMES)
    return LayerGroup(
        count=count,
        linears=(*own, *(own if is_decoder else ()), *feed_forward),
        other_parameters=norms * hidden + positions,
        intermediate_size=width,
        gated=is_gated,
        activation=manner.removeprefix("gated-"),
        norms=norms,
        cross_attention=is_decoder,
    )


def bart(config: Config) -> Shape:
    """BART and mBART: learned positions with an offset of two, biases everywhere."""
    hidden, vocabulary = config.whole("d_model"), config.whole("vocab_size")
    length = config.whole("max_position_embeddings", default=1024)
    has_final_norms = config.family == "mbart"
    return Shape(
        hidden_size=hidden,
        heads=_bart_heads(config, "encoder_attention_heads"),
        vocabulary_size=vocabulary,
        groups=(_bart_group(config, "encoder"), _bart_group(config, "decoder")),
        embedding_parameters=(vocabulary + 2 * (length + 2)) * hidden,
        head_parameters=0,
        other_parameters=(8 if has_final_norms else 4) * hidden,
        max_sequence_length=length,
        tied=True,
        kind="encoder_decoder",
    )


def _bart_heads(config: Config, key: str) -> Heads:
    count = config.whole(key)
    return Heads(count, count, config.whole("d_model") // count)


def _bart_group(config: Config, side: str) -> LayerGroup:
    hidden, width = config.whole("d_model"), config.whole(f"{side}_ffn_dim")
    is_decoder = side == "decoder"
    own = split_attention(
        hidden,
        _bart_heads(config, f"{side}_attention_heads"),
        names=("q_proj", "k_proj", "v_proj", "out_proj"),
        biases=(True, True),
    )
    norms = 3 if is_decoder else 2
    return LayerGroup(
        count=config.whole(f"{side}_layers"),
        linears=(
            *own,
            *(own if is_decoder else ()),
            *plain_feed_forward(hidden, width, ("fc1", "fc2"), bias=True),
        ),
        other_parameters=2 * norms * hidden,
        intermediate_size=width,
        gated=False,
        activation=config.text("activation_function", default="gelu"),
        norm="layer",
        norms=norms,
        cross_attention=is_decoder,
    )


READERS = {"t5": t5, "mt5": t5, "umt5": t5, "bart": bart, "mbart": bart}
