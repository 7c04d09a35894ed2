"""Decoders built like GPT-NeoX: query, key and value in one module, no learned positions."""

from __future__ import annotations

from advisor.catalog.architectures.plain_block import Block, without_positions
from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    fused_attention,
    plain_feed_forward,
)


def gpt_neox(config: Config) -> Shape:
    """GPT-NeoX and Pythia."""
    hidden, count = config.whole("hidden_size"), config.whole("num_attention_heads")
    heads = Heads(count, count, hidden // count)
    width = config.whole("intermediate_size", default=4 * hidden)
    bias = config.flag("attention_bias", default=True)
    block = Block(
        linears=(
            *fused_attention(hidden, heads, ("query_key_value", "dense"), biases=(bias, bias)),
            *plain_feed_forward(hidden, width, ("dense_h_to_4h", "dense_4h_to_h"), bias=True),
        ),
        width=width,
        parallel=config.flag("use_parallel_residual", default=True),
        activation=config.text("hidden_act", default="gelu"),
    )
    layers = config.whole("num_hidden_layers")
    return without_positions(
        config, hidden, heads, block.groups(hidden, layers), tied=False, other=2 * hidden
    )


def bloom(config: Config) -> Shape:
    """Bloom: positions by attention slopes, a norm behind the embeddings."""
    hidden = config.whole("hidden_size", "n_embed")
    count = config.whole("n_head", "num_attention_heads")
    heads = Heads(count, count, hidden // count)
    names = ("query_key_value", "dense")
    block = Block(
        linears=(
            *fused_attention(hidden, heads, names, biases=(True, True)),
            *plain_feed_forward(hidden, 4 * hidden, ("dense_h_to_4h", "dense_4h_to_h"), bias=True),
        ),
        width=4 * hidden,
    )
    layers = config.whole("n_layer", "num_hidden_layers")
    return without_positions(
        config, hidden, heads, block.groups(hidden, layers), tied=True, other=4 * hidden
    )


def falcon(config: Config) -> Shape:
    """Falcon, with the old decoder (7B, one key/value head) and the new one (40B and later)."""
    hidden = config.whole("hidden_size", "n_embed")
    count = config.whole("num_attention_heads", "n_head")
    is_new = config.flag("new_decoder_architecture")
    if is_new:
        key_value = config.whole("num_kv_heads", "n_head_kv", default=count)
    else:
        key_value = 1 if config.flag("multi_query", default=True) else count
    heads = Heads(count, key_value, hidden // count)
    bias = config.flag("bias")
    width = config.whole("ffn_hidden_size", default=4 * hidden)
    is_parallel = config.flag("parallel_attn", default=True)
    norms_in_parallel = config.get("num_ln_in_parallel_attn", 2 if is_new else 1)
    block = Block(
        linears=(
            *fused_attention(hidden, heads, ("query_key_value", "dense"), biases=(bias, bias)),
            *plain_feed_forward(hidden, width, ("dense_h_to_4h", "dense_4h_to_h"), bias=bias),
        ),
        width=width,
        norms=norms_in_parallel if is_parallel else 2,
        parallel=is_parallel,
        activation=config.text("activation", default="gelu"),
    )
    layers = config.whole("num_hidden_layers", "n_layer")
    return without_positions(
        config, hidden, heads, block.groups(hidden, layers), tied=True, other=2 * hidden
    )


def mpt(config: Config) -> Shape:
    """MPT as transformers builds it: no biases, positions by attention slopes."""
    hidden, count = config.whole("d_model", "hidden_size"), config.whole("n_heads")
    heads = Heads(count, count, hidden // count)
    width = config.whole("expansion_ratio", default=4) * hidden
    block = Block(
        linears=(
            *fused_attention(hidden, heads, ("Wqkv", "out_proj")),
            *plain_feed_forward(hidden, width, ("up_proj", "down_proj"), bias=False),
        ),
        width=width,
        norm_biases=False,
    )
    groups = block.groups(hidden, config.whole("n_layers"))
    return without_positions(config, hidden, heads, groups, tied=True, other=hidden)


READERS = {
    "gpt_neox": gpt_neox,
    "bloom": bloom,
    "falcon": falcon,
    "RefinedWeb": falcon,
    "RefinedWebModel": falcon,
    "mpt": mpt,
}
