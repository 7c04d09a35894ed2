"""Decoders whose class lives beside their weights, not in transformers: Qwen 1 and ChatGLM."""

from __future__ import annotations

from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    attention,
    fused_attention,
    linear,
    packed_feed_forward,
    plain_feed_forward,
)
from advisor.schema.architecture import LayerGroup


def qwen1(config: Config) -> Shape:
    """The first Qwen; `intermediate_size` is that of both feed-forward branches together."""
    hidden, count = config.whole("hidden_size"), config.whole("num_attention_heads")
    heads = Heads(count, count, config.whole("kv_channels", default=hidden // count))
    width, vocabulary = config.whole("intermediate_size") // 2, config.whole("vocab_size")
    bias = not config.flag("no_bias", default=True)
    group = LayerGroup(
        count=config.whole("num_hidden_layers"),
        linears=(
            attention("c_attn", hidden, 3 * heads.query_width, bias=True),
            attention("c_proj", heads.query_width, hidden, bias=bias),
            linear("w1", hidden, width, bias=bias),
            linear("w2", hidden, width, bias=bias),
            linear("c_proj", width, hidden, bias=bias),
        ),
        other_parameters=2 * hidden,
        intermediate_size=width,
    )
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=(group,),
        embedding_parameters=vocabulary * hidden,
        head_parameters=vocabulary * hidden,
        other_parameters=hidden,
        max_sequence_length=config.maybe("seq_length", "max_position_embeddings"),
    )


def chatglm(config: Config) -> Shape:
    """ChatGLM 2 and 3 and the first GLM-4; the first ChatGLM is told by its other keys."""
    if config.maybe("inner_hidden_size") or config.flag("position_encoding_2d"):
        return chatglm1(config)
    hidden, count = config.whole("hidden_size"), config.whole("num_attention_heads")
    key_value = (
        config.whole("multi_query_group_num") if config.flag("multi_query_attention") else count
    )
    heads = Heads(count, key_value, config.whole("kv_channels", default=hidden // count))
    width, vocabulary = config.whole("ffn_hidden_size"), config.whole("padded_vocab_size")
    if config.flag("add_bias_linear"):
        raise config.error("A ChatGLM with `add_bias_linear` is not known.")
    group = LayerGroup(
        count=config.whole("num_layers", "num_hidden_layers"),
        linears=(
            *fused_attention(
                hidden,
                heads,
                ("query_key_value", "dense"),
                biases=(config.flag("add_qkv_bias"), False),
            ),
            *packed_feed_forward(hidden, width, names=("dense_h_to_4h", "dense_4h_to_h")),
        ),
        other_parameters=2 * hidden,
        intermediate_size=width,
    )
    tied = config.flag("tie_word_embeddings")
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=(group,),
        embedding_parameters=vocabulary * hidden,
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=hidden,
        max_sequence_length=config.maybe("seq_length"),
        tied=tied,
    )


def chatglm1(config: Config) -> Shape:
    """The first ChatGLM: biases everywhere, no gate, a tied head."""
    hidden, count = config.whole("hidden_size"), config.whole("num_attention_heads")
    heads = Heads(count, count, hidden // count)
    width = config.whole("inner_hidden_size", default=4 * hidden)
    vocabulary = config.whole("vocab_size")
    group = LayerGroup(
        count=config.whole("num_layers"),
        linears=(
            *fused_attention(hidden, heads, ("query_key_value", "dense"), biases=(True, True)),
            *plain_feed_forward(hidden, width, ("dense_h_to_4h", "dense_4h_to_h"), bias=True),
        ),
        other_parameters=4 * hidden,
        intermediate_size=width,
        gated=False,
        activation="gelu",
        norm="layer",
    )
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=(group,),
        embedding_parameters=vocabulary * hidden,
        head_parameters=0,
        other_parameters=2 * hidden,
        max_sequence_length=config.maybe("max_sequence_length"),
        tied=True,
    )


READERS = {"qwen": qwen1, "chatglm": chatglm}
