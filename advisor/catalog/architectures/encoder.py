"""Encoders of the BERT class, counted without the head of a task."""

from __future__ import annotations

from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Shape,
    alternating,
    attention,
    linear,
    plain_feed_forward,
    split_attention,
)
from advisor.schema.architecture import LayerGroup, Linear

_BERT_NAMES = ("query", "key", "value", "dense")
_FEED_FORWARD = ("dense", "dense")
_NOTE = "counted without the head of a task"


def _heads(config: Config, hidden: int) -> Heads:
    count = config.whole("num_attention_heads", "n_heads", "num_heads")
    return Heads(count, count, hidden // count)


def _layers(
    config: Config,
    hidden: int,
    *,
    names: tuple[str, str, str, str] = _BERT_NAMES,
    feed_forward: tuple[str, str] = _FEED_FORWARD,
) -> LayerGroup:
    width = config.whole("intermediate_size", "hidden_dim", default=4 * hidden)
    return LayerGroup(
        count=config.whole("num_hidden_layers", "n_layers", "num_layers"),
        linears=(
            *split_attention(hidden, _heads(config, hidden), names=names, biases=(True, True)),
            *plain_feed_forward(hidden, width, feed_forward, bias=True),
        ),
        other_parameters=4 * hidden,
        intermediate_size=width,
        gated=False,
        activation=config.text("hidden_act", "activation", default="gelu"),
        norm="layer",
    )


def _shape(config: Config, hidden: int, group: LayerGroup, *, embedding: int, other: int) -> Shape:
    vocabulary = config.whole("vocab_size")
    return Shape(
        hidden_size=hidden,
        heads=_heads(config, hidden),
        vocabulary_size=vocabulary,
        groups=(group,),
        embedding_parameters=embedding,
        head_parameters=0,
        other_parameters=other,
        max_sequence_length=config.maybe("max_position_embeddings"),
        tied=True,
        kind="encoder",
        note=_NOTE,
    )


def bert(config: Config) -> Shape:
    """BERT and RoBERTa with their pooler."""
    hidden = config.whole("hidden_size")
    length = config.whole("max_position_embeddings", default=512)
    types = config.whole("type_vocab_size", default=2)
    return _shape(
        config,
        hidden,
        _layers(config, hidden),
        embedding=(config.whole("vocab_size") + length + types) * hidden,
        other=2 * hidden + hidden * hidden + hidden,
    )


def electra(config: Config) -> Shape:
    """ELECTRA's discriminator: embeddings in a width of their own, no pooler."""
    hidden = config.whole("hidden_size")
    width = config.whole("embedding_size", default=hidden)
    length = config.whole("max_position_embeddings", default=512)
    types = config.whole("type_vocab_size", default=2)
    return _shape(
        config,
        hidden,
        _layers(config, hidden),
        embedding=(config.whole("vocab_size") + length + types) * width,
        other=2 * width + (width * hidden + hidden if width != hidden else 0),
    )


def deberta_v2(config: Config) -> Shape:
    """DeBERTa V2 and V3: relative positions, at wish a convolution beside the first layer."""
    hidden = config.whole("hidden_size")
    width = config.whole("embedding_size", default=hidden)
    embedding = config.whole("vocab_size") * width
    if config.flag("position_biased_input", default=True):
        embedding += config.whole("max_position_embeddings", default=512) * width
    embedding += (config.maybe("type_vocab_size") or 0) * width
    other = 2 * hidden + (width * hidden if width != hidden else 0)
    if config.flag("relative_attention"):
        span = config.get("position_buckets", -1)
        furthest = config.get("max_relative_positions", -1)
        if furthest < 1:
            furthest = config.whole("max_position_embeddings", default=512)
        other += 2 * (span if span > 0 else furthest) * hidden
        other += 2 * hidden if "layer_norm" in config.text("norm_rel_ebd") else 0
    kernel = config.maybe("conv_kernel_size")
    if kernel:
        groups = config.whole("conv_groups", default=1)
        other += hidden * hidden // groups * kernel + hidden + 2 * hidden
    group = _layers(config, hidden, names=("query_proj", "key_proj", "value_proj", "dense"))
    if config.flag("relative_attention") and not config.flag("share_att_key"):
        extra = _relative_projections(config, hidden)
        group = group.model_copy(update={"linears": (*group.linears, *extra)})
    return _shape(config, hidden, group, embedding=embedding, other=other)


def _relative_projections(config: Config, hidden: int) -> tuple[Linear, ...]:
    kinds = config.get("pos_att_type") or []
    kinds = kinds.split("|") if isinstance(kinds, str) else kinds
    found = []
    if "c2p" in kinds:
        found.append(attention("pos_key_proj", hidden, hidden, bias=True))
    if "p2c" in kinds:
        found.append(attention("pos_query_proj", hidden, hidden, bias=True))
    return tuple(found)


def distilbert(config: Config) -> Shape:
    """DistilBERT: half of BERT's layers, no segment embeddings, no pooler."""
    hidden = config.whole("dim", "hidden_size")
    length = config.whole("max_position_embeddings", default=512)
    group = _layers(
        config,
        hidden,
        names=("q_lin", "k_lin", "v_lin", "out_lin"),
        feed_forward=("lin1", "lin2"),
    )
    embedding = (config.whole("vocab_size") + length) * hidden
    return _shape(config, hidden, group, embedding=embedding, other=2 * hidden)


def mpnet(config: Config) -> Shape:
    """MPNet, the body of many sentence encoders."""
    hidden = config.whole("hidden_size")
    length = config.whole("max_position_embeddings", default=512)
    buckets = config.whole("relative_attention_num_buckets", default=32)
    return _shape(
        config,
        hidden,
        _layers(config, hidden, names=("q", "k", "v", "o")),
        embedding=(config.whole("vocab_size") + length) * hidden,
        other=2 * hidden + hidden * hidden + hidden + buckets * config.whole("num_attention_heads"),
    )


def modernbert(config: Config) -> Shape:
    """ModernBERT: gated feed-forward, no biases, local attention in two of three layers."""
    hidden, width = config.whole("hidden_size"), config.whole("intermediate_size")
    layers, vocabulary = config.whole("num_hidden_layers"), config.whole("vocab_size")
    step = config.whole("global_attn_every_n_layers", default=3)
    window = config.whole("local_attention", default=128)
    bias = (config.flag("attention_bias"), config.flag("mlp_bias"))
    norm = 2 if config.flag("norm_bias") else 1
    linears = (
        attention("Wqkv", hidden, 3 * hidden, bias=bias[0]),
        attention("Wo", hidden, hidden, bias=bias[0]),
        linear("Wi", hidden, 2 * width, bias=bias[1]),
        linear("Wo", width, hidden, bias=bias[1]),
    )
    kinds = [(2 if i else 1, window if i % step else None) for i in range(layers)]
    groups = tuple(
        LayerGroup(
            count=count,
            linears=linears,
            other_parameters=norms * norm * hidden,
            intermediate_size=width,
            activation=config.text("hidden_activation", default="gelu"),
            norm="layer",
            norms=norms,
            window=reach,
        )
        for (norms, reach), count in alternating(kinds)
    )
    return Shape(
        hidden_size=hidden,
        heads=_heads(config, hidden),
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=vocabulary * hidden,
        head_parameters=0,
        other_parameters=2 * norm * hidden,
        max_sequence_length=config.maybe("max_position_embeddings"),
        tied=True,
        kind="encoder",
        note=_NOTE,
    )


READERS = {
    "bert": bert,
    "roberta": bert,
    "xlm-roberta": bert,
    "camembert": bert,
    "electra": electra,
    "deberta-v2": deberta_v2,
    "distilbert": distilbert,
    "mpnet": mpnet,
    "modernbert": modernbert,
}
