"""Decoders built like GPT-2: layer norms with biases and a feed-forward without a gate."""

from __future__ import annotations

from advisor.catalog.architectures.plain_block import Block, with_positions
from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    fused_attention,
    plain_feed_forward,
    split_attention,
)
from advisor.schema.architecture import LayerGroup, Linear


def gpt2(config: Config) -> Shape:
    """GPT-2; its modules are Conv1D, which adapters and 4-bit loading treat as linear layers."""
    hidden, layers, heads = _gpt2_numbers(config)
    width = config.whole("n_inner", "intermediate_size", default=4 * hidden)
    block = Block(
        linears=(
            *fused_attention(hidden, heads, ("c_attn", "c_proj"), biases=(True, True)),
            *plain_feed_forward(hidden, width, ("c_fc", "c_proj"), bias=True),
        ),
        width=width,
        activation=config.text("activation_function", default="gelu_new"),
    )
    return with_positions(config, hidden, heads, block.groups(hidden, layers))


def gpt_bigcode(config: Config) -> Shape:
    """SantaCoder and StarCoder: GPT-2 with one key/value head."""
    hidden, layers, heads = _gpt2_numbers(config)
    if config.flag("multi_query", default=True):
        heads = Heads(heads.query, 1, heads.width)
    width = config.whole("n_inner", default=4 * hidden)
    block = Block(
        linears=(
            *fused_attention(hidden, heads, ("c_attn", "c_proj"), biases=(True, True)),
            *plain_feed_forward(hidden, width, ("c_fc", "c_proj"), bias=True),
        ),
        width=width,
        activation=config.text("activation_function", default="gelu_pytorch_tanh"),
    )
    return with_positions(config, hidden, heads, block.groups(hidden, layers))


def gpt_neo(config: Config) -> Shape:
    """GPT-Neo: learned positions, biases on the output projection only."""
    hidden, count = config.whole("hidden_size"), config.whole("num_heads")
    heads = Heads(count, count, hidden // count)
    width = config.whole("intermediate_size", default=4 * hidden)
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    block = Block(
        linears=(
            *split_attention(hidden, heads, names=names, biases=(False, True)),
            *plain_feed_forward(hidden, width, ("c_fc", "c_proj"), bias=True),
        ),
        width=width,
        activation=config.text("activation_function", default="gelu_new"),
    )
    return with_positions(config, hidden, heads, block.groups(hidden, config.whole("num_layers")))


def gptj(config: Config) -> Shape:
    """GPT-J: attention and feed-forward in parallel behind one norm; the head has a bias."""
    hidden, layers, heads = _gpt2_numbers(config)
    width = config.whole("n_inner", default=4 * hidden)
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    return _parallel_with_head_bias(
        config, hidden, heads, layers, split_attention(hidden, heads, names=names), width
    )


def codegen(config: Config) -> Shape:
    """CodeGen: GPT-J with query, key and value in one module."""
    hidden, layers, heads = _gpt2_numbers(config)
    width = config.whole("n_inner", default=4 * hidden)
    modules = fused_attention(hidden, heads, ("qkv_proj", "out_proj"))
    return _parallel_with_head_bias(config, hidden, heads, layers, modules, width)


def phi(config: Config) -> Shape:
    """Phi 1.5 and 2: parallel blocks, biases everywhere, also in the head."""
    hidden, query = config.whole("hidden_size"), config.whole("num_attention_heads")
    heads = Heads(query, config.whole("num_key_value_heads", default=query), hidden // query)
    width = config.whole("intermediate_size", default=4 * hidden)
    vocabulary = config.whole("vocab_size")
    has_norm = config.flag("qk_layernorm")
    block = Block(
        linears=(
            *split_attention(
                hidden, heads, names=("q_proj", "k_proj", "v_proj", "dense"), biases=(True, True)
            ),
            *plain_feed_forward(hidden, width, ("fc1", "fc2"), bias=True),
        ),
        width=width,
        norms=1,
        other=4 * heads.width if has_norm else 0,
        parallel=True,
        activation=config.text("hidden_act", default="gelu_new"),
        query_key_norm=has_norm,
    )
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=block.groups(hidden, config.whole("num_hidden_layers")),
        embedding_parameters=vocabulary * hidden,
        head_parameters=vocabulary * hidden + vocabulary,
        other_parameters=2 * hidden,
        max_sequence_length=config.maybe("max_position_embeddings") or 2048,
    )


def opt(config: Config) -> Shape:
    """OPT: learned positions with an offset of two; the smallest embeds in another width."""
    hidden, count = config.whole("hidden_size"), config.whole("num_attention_heads")
    heads = Heads(count, count, hidden // count)
    width, bias = config.whole("ffn_dim"), config.flag("enable_bias", default=True)
    is_affine = config.flag("layer_norm_elementwise_affine", default=True)
    embedded = config.whole("word_embed_proj_dim", default=hidden)
    length, vocabulary = config.whole("max_position_embeddings"), config.whole("vocab_size")
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    group = LayerGroup(
        count=config.whole("num_hidden_layers"),
        linears=(
            *split_attention(hidden, heads, names=names, biases=(bias, bias)),
            *plain_feed_forward(hidden, width, ("fc1", "fc2"), bias=bias),
        ),
        other_parameters=4 * hidden if is_affine else 0,
        intermediate_size=width,
        gated=False,
        activation=config.text("activation_function", default="relu"),
        norm="layer",
    )
    has_final = config.flag("do_layer_norm_before", default=True) and not config.flag(
        "_remove_final_layer_norm"
    )
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=(group,),
        embedding_parameters=vocabulary * embedded + (length + 2) * hidden,
        head_parameters=0,
        other_parameters=(2 * hidden if has_final and is_affine else 0)
        + (2 * hidden * embedded if embedded != hidden else 0),
        max_sequence_length=length,
        tied=True,
    )


def _gpt2_numbers(config: Config) -> tuple[int, int, Heads]:
    hidden = config.whole("n_embd", "hidden_size")
    count = config.whole("n_head", "num_attention_heads")
    layers = config.whole("n_layer", "num_hidden_layers")
    return hidden, layers, Heads(count, count, hidden // count)


def _parallel_with_head_bias(
    config: Config,
    hidden: int,
    heads: Heads,
    layers: int,
    modules: tuple[Linear, ...],
    width: int,
) -> Shape:
    vocabulary = config.whole("vocab_size")
    tied = config.flag("tie_word_embeddings", default=False)
    block = Block(
        linears=(*modules, *plain_feed_forward(hidden, width, ("fc_in", "fc_out"), bias=True)),
        width=width,
        norms=1,
        parallel=True,
        activation=config.text("activation_function", default="gelu_new"),
    )
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=block.groups(hidden, layers),
        embedding_parameters=vocabulary * hidden,
        head_parameters=vocabulary + (0 if tied else vocabulary * hidden),
        other_parameters=2 * hidden,
        max_sequence_length=config.whole("n_positions", default=2048),
        tied=tied,
    )


READERS = {
    "gpt2": gpt2,
    "gpt_bigcode": gpt_bigcode,
    "gpt_neo": gpt_neo,
    "gptj": gptj,
    "codegen": codegen,
    "phi": phi,
    "opt": opt,
}
