"""What is said about an architecture nobody has read: common keys, an approximate count."""

from __future__ import annotations

from dataclasses import replace

from advisor.catalog.architectures.hybrid import qwen_hybrid
from advisor.catalog.architectures.latent_attention import deepseek, minicpm3
from advisor.catalog.architectures.reading import (
    Config,
    Heads,
    Reader,
    Shape,
    gated_feed_forward,
    plain_feed_forward,
    split_attention,
)
from advisor.catalog.architectures.signals import signals
from advisor.catalog.architectures.sparse import Layer, Sparse, layered
from advisor.errors import UnsupportedArchitectureError
from advisor.schema.architecture import LayerGroup

NOTE = (
    "architecture '{family}' is not known exactly: read by common keys as a decoder with {what}; "
    "expect some per cent of difference"
)
_HIDDEN = ("hidden_size", "n_embd", "d_model", "model_dim", "dim", "n_embed")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_KEY_VALUE = (
    "num_key_value_heads",
    "num_kv_heads",
    "n_kv_heads",
    "n_head_kv",
    "multi_query_group_num",
)
_WIDTH = ("intermediate_size", "ffn_hidden_size", "n_inner", "d_ff", "ffn_dim", "hidden_dim")
_VOCABULARY = ("vocab_size", "padded_vocab_size", "n_vocab")
_LENGTH = (
    "max_position_embeddings",
    "n_positions",
    "seq_length",
    "max_seq_len",
    "max_sequence_length",
    "n_ctx",
)
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
_PER_TOKEN = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_k",
    "moe_topk",
)
_EXPERT_WIDTH = ("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")
_OTHER_KINDS = (
    "albert",
    "clip",
    "ctrl",
    "falcon_mamba",
    "git",
    "jetmoe",
    "mamba",
    "mamba2",
    "moshi",
    "olmo_hybrid",
    "phi4_multimodal",
    "recurrent_gemma",
    "rembert",
    "roc_bert",
    "rwkv",
    "vit",
    "wav2vec2",
    "whisper",
    "xlnet",
    "xlstm",
    "xmod",
)
"""Families that common keys do not describe, and that no other key gives away."""
_LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim")
_LAYER_NORM = ("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon")
_DELTA = (
    "linear_num_value_heads",
    "linear_num_key_heads",
    "linear_value_head_dim",
    "linear_key_head_dim",
    "linear_conv_kernel_dim",
)
_Kin = tuple[tuple[str, ...], str, Reader, tuple[str, ...]]
_KIN: tuple[_Kin, ...] = (
    ((*_LATENT, "n_routed_experts"), "latent attention and experts", deepseek, ()),
    (_LATENT, "latent attention", minicpm3, ()),
    (_DELTA[:1], "gated delta nets in most layers", qwen_hybrid, _DELTA),
)
"""Keys that a kin family is known by, what to call it, its reader, and what more it understands."""
_OTHER_TASKS = ("CTC", "Image", "Audio", "Speech", "Vision", "Segmentation", "Detection")
"""In the class name: models of something else than text."""


def read_common(config: Config) -> Shape:
    """A decoder with the hidden width, layers and vocabulary of the configuration.

    Raises UnsupportedArchitectureError where even these are missing, or where the family is known
    to be built otherwise.
    """
    is_other = config.family in _OTHER_KINDS or any(word in _named(config) for word in _OTHER_TASKS)
    if is_other or config.flag("is_encoder_decoder"):
        raise _unsupported(config)
    _refuse_unknown_parts(config)
    config = _tidied(config)
    shape = _like_kin(config)
    if shape is not None:
        return shape
    try:
        hidden, layers = config.whole(*_HIDDEN), config.whole(*_LAYERS)
        vocabulary = config.whole(*_VOCABULARY)
    except UnsupportedArchitectureError as error:
        raise _unsupported(config, error.message) from error
    query = config.whole(*_HEADS, default=max(1, hidden // 128))
    heads = Heads(
        query,
        1 if config.flag("multi_query") else config.whole(*_KEY_VALUE, default=query),
        config.whole("head_dim", "kv_channels", default=max(1, hidden // query)),
    )
    groups = _groups(config, hidden, layers, heads)
    has_learned_positions = config.maybe("n_positions") is not None
    length = config.maybe(*_LENGTH)
    tied = config.flag("tie_word_embeddings", default=True)  # transformers 4 left it out when true
    kind = "a gated feed-forward" if groups[0].gated else "a feed-forward without a gate"
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=vocabulary * hidden
        + (hidden * (length or 0) if has_learned_positions else 0),
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=hidden,
        max_sequence_length=length,
        tied=tied,
        is_approximate=True,
        note=NOTE.format(family=_named(config), what=kind),
    )


def _like_kin(config: Config) -> Shape | None:
    """Read as the family whose peculiar keys the configuration has, if it has any."""
    for keys, what, reader, _ in _KIN:
        if _has(config, keys):
            try:
                shape = reader(config)
            except UnsupportedArchitectureError:
                return None
            note = NOTE.format(family=_named(config), what=what)
            return replace(shape, is_approximate=True, note=note)
    return None


def _has(config: Config, keys: tuple[str, ...]) -> bool:
    return all(config.get(key) is not None for key in keys)


def _refuse_unknown_parts(config: Config) -> None:
    kin = next((one for one in _KIN if _has(config, one[0])), None)
    found = signals(config, understood=kin[3] if kin else ())
    if found:
        shown = ", ".join(found[:4]) + (" and others" if len(found) > 4 else "")
        raise _unsupported(config, f"Its configuration tells of parts nobody reads here: {shown}.")


def _tidied(config: Config) -> Config:
    """The configuration with one number where there is one per layer, and without odd values.

    The main numbers stay as they are, so that a wrong one is told.
    """
    content = dict(config.content)
    for key in {*_WIDTH, *_EXPERT_WIDTH, *_EXPERTS, *_PER_TOKEN, *_HEADS, *_KEY_VALUE, *_LENGTH}:
        value = content.get(key)
        if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
            value = max(value)
        content[key] = value if isinstance(value, int) and value > 0 else None
    return Config(content, config.where)


def _groups(config: Config, hidden: int, layers: int, heads: Heads) -> tuple[LayerGroup, ...]:
    bias = config.flag("attention_bias") or config.flag("qkv_bias")
    modules = split_attention(hidden, heads, biases=(bias, False))
    if config.maybe(*_EXPERTS):
        return _mixture(config, hidden, layers, heads)
    width = config.whole(*_WIDTH, default=4 * hidden)
    gated = _is_gated(config, hidden, width)
    feed_forward = (
        gated_feed_forward(hidden, width)
        if gated
        else plain_feed_forward(hidden, width, ("up_proj", "down_proj"), bias=False)
    )
    return (
        LayerGroup(
            count=layers,
            linears=(*modules, *feed_forward),
            other_parameters=2 * hidden,
            intermediate_size=width,
            gated=gated,
            activation=config.text("hidden_act", "activation_function", default="silu"),
            norm="rms" if gated else "layer",
        ),
    )


def _mixture(config: Config, hidden: int, layers: int, heads: Heads) -> tuple[LayerGroup, ...]:
    width = config.whole(*_EXPERT_WIDTH)
    shared = config.maybe("shared_expert_intermediate_size") or width * (
        config.maybe("n_shared_experts", "num_shared_experts", "moe_num_shared_experts") or 0
    )
    return layered(
        Config({**config.content, "hidden_size": hidden}, config.where),
        (Layer(is_sparse) for is_sparse in _sparse_layers(config, layers)),
        attention=split_attention(hidden, heads),
        sparse=Sparse(
            experts=config.whole(*_EXPERTS),
            per_token=config.whole(*_PER_TOKEN, default=2),
            width=width,
            shared_width=shared,
        ),
        dense_width=config.whole(*_WIDTH, default=4 * hidden),
        every_layer={
            "other_parameters": 2 * hidden,
            "activation": config.text("hidden_act", default="silu"),
        },
    )


def _sparse_layers(config: Config, layers: int) -> list[bool]:
    """Which layers have experts, by the ways configurations say it."""
    kinds = config.get("mlp_layer_types")
    if kinds:
        return [kind != "dense" for kind in kinds[:layers]]
    first = config.get("first_k_dense_replace", config.get("num_dense_layers", 0))
    first = config.get("moe_layer_start_index", first)
    step = config.whole("decoder_sparse_step", "moe_layer_interval", default=1)
    dense = config.numbers("mlp_only_layers")
    return [i >= first and i not in dense and (i + 1) % step == 0 for i in range(layers)]


def _is_gated(config: Config, hidden: int, width: int) -> bool:
    """A gate is usual with SiLU, RMS norms or grouped heads, and with a width of no 4 x hidden.

    It is not with a squared or plain ReLU, nor beside layer norms.
    """
    activation = config.text("hidden_act", "hidden_activation", "activation_function").lower()
    if any(word in activation for word in ("silu", "swi", "glu")):
        return True
    if any(word in activation for word in ("relu", "xielu")):
        return False
    if "gelu" in activation and width == 4 * hidden and config.get("rms_norm_eps") is None:
        return False
    if any(config.get(key) is not None for key in _LAYER_NORM):
        return False
    modern = ("rms_norm_eps", "num_key_value_heads")
    return width != 4 * hidden or any(config.get(key) is not None for key in modern)


def _named(config: Config) -> str:
    listed = config.get("architectures") or [""]
    return str(listed[0] or config.family or "unnamed")


def _unsupported(config: Config, why: str = "") -> UnsupportedArchitectureError:
    return UnsupportedArchitectureError(
        f"The architecture '{_named(config)}' is not supported."
        + (f" {why}" if why else " It is not built of attention layers as decoders are."),
        hint="Take the config.json that was published with the model, or name a model of the "
        "catalog (`advisor catalog show models`).",
        where=config.where,
    )
