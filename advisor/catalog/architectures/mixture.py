"""Decoders with a mixture of experts and ordinary attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from advisor.catalog.architectures.manner import (
    Manner,
    all_layers,
    attention_of,
    every,
    heads_of,
    query_key_norm_parameters,
    shape_around,
)
from advisor.catalog.architectures.reading import Config, Reader, Shape
from advisor.catalog.architectures.sparse import Layer, Sparse, layered

SparseRule = Callable[[Config], Sparse]
LayerRule = Callable[[Config, int], Iterable[bool]]


def every_layer_sparse(config: Config, layers: int) -> Iterable[bool]:  # noqa: ARG001
    """All layers have experts."""
    return (True for _ in range(layers))


def first_dense(config: Config, layers: int) -> Iterable[bool]:
    """The first `first_k_dense_replace` layers have no experts."""
    dense = config.get("first_k_dense_replace", 1 if config.family == "glm4_moe" else 0)
    return (i >= dense for i in range(layers))


def stepped(config: Config, layers: int) -> Iterable[bool]:
    """Qwen's rule: each `decoder_sparse_step`-th layer, but none of `mlp_only_layers`."""
    step, dense = config.whole("decoder_sparse_step", default=1), config.numbers("mlp_only_layers")
    return (i not in dense and (i + 1) % step == 0 for i in range(layers))


def interleaved(config: Config, layers: int) -> Iterable[bool]:
    """Llama 4's rule: each `interleave_moe_layer_step`-th layer, or the layers listed."""
    step = config.whole("interleave_moe_layer_step", default=1)
    listed = config.get("moe_layers")
    sparse = set(range(step - 1, layers, step)) if listed is None else set(listed)
    return (i in sparse for i in range(layers))


def mixture_reader(
    manner: Manner,
    sparse_of: SparseRule,
    *,
    sparse_layers: LayerRule = every_layer_sparse,
    dense_width_key: str = "intermediate_size",
    attention_extra: Callable[[Config], int] | None = None,
) -> Reader:
    """A reader for a family with experts whose attention is of that manner."""

    def read(config: Config) -> Shape:
        hidden, heads = config.whole("hidden_size"), heads_of(config, manner.defaults)
        layers = config.whole("num_hidden_layers")
        has_norm = bool(manner.head_norm) and (
            not manner.head_norm_key or config.flag(manner.head_norm_key)
        )
        other = manner.norms * manner.norm_values * hidden
        other += query_key_norm_parameters(manner, heads) if has_norm else 0
        other += attention_extra(config) if attention_extra else 0
        windows = manner.windows(config, layers) if manner.windows else (None,) * layers
        groups = layered(
            config,
            (
                Layer(is_sparse, window)
                for is_sparse, window in zip(sparse_layers(config, layers), windows, strict=True)
            ),
            attention=attention_of(config, manner, hidden, heads),
            sparse=sparse_of(config),
            dense_width=config.whole(dense_width_key, default=config.whole("intermediate_size")),
            every_layer={
                "other_parameters": other,
                "activation": config.text("hidden_act", default="silu"),
                "norm": manner.norm,
                "norms": manner.norms,
                "query_key_norm": has_norm,
            },
        )
        return shape_around(config, manner, groups)

    return read


def _mixtral(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_local_experts"),
        per_token=config.whole("num_experts_per_tok", default=2),
        width=config.whole("intermediate_size"),
    )


def _phimoe(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_local_experts"),
        per_token=config.whole("num_experts_per_tok", default=2),
        width=config.whole("intermediate_size"),
        router="router",
        router_is_module=True,
    )


def _qwen_moe(config: Config) -> Sparse:
    shared = config.maybe("shared_expert_intermediate_size") or 0
    return Sparse(
        experts=config.whole("num_experts", "num_local_experts"),
        per_token=config.whole("num_experts_per_tok"),
        width=config.whole("moe_intermediate_size"),
        shared_width=shared,
        shared_gate="shared_expert_gate" if shared else "",
    )


def _qwen3_moe(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_experts", "num_local_experts"),
        per_token=config.whole("num_experts_per_tok"),
        width=config.whole("moe_intermediate_size"),
    )


def _olmoe(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_experts"),
        per_token=config.whole("num_experts_per_tok"),
        width=config.whole("intermediate_size"),
    )


def _granitemoe(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_local_experts"),
        per_token=config.whole("num_experts_per_tok"),
        width=config.whole("intermediate_size"),
        shared_width=config.maybe("shared_intermediate_size") or 0,
        shared_names=("input_linear", "output_linear"),
        router="router",
    )


def _gpt_oss(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_local_experts", "num_experts"),
        per_token=config.whole("num_experts_per_tok", "experts_per_token", default=4),
        width=config.whole("intermediate_size"),
        router="router",
        has_biases=True,
    )


def _llama4(config: Config) -> Sparse:
    return Sparse(
        experts=config.whole("num_local_experts"),
        per_token=config.whole("num_experts_per_tok", default=1),
        width=config.whole("intermediate_size"),
        shared_width=config.whole("intermediate_size"),
        router="router",
        router_is_module=True,
    )


def deepseek_experts(config: Config) -> Sparse:
    """The experts of DeepSeek and of GLM 4.5, shared ones included."""
    width = config.whole("moe_intermediate_size")
    return Sparse(
        experts=config.whole("n_routed_experts", "num_local_experts"),
        per_token=config.whole("num_experts_per_tok"),
        width=width,
        shared_width=(config.maybe("n_shared_experts") or 0) * width,
    )


def _llama4_windows(config: Config, layers: int) -> tuple[int | None, ...]:
    chunk = config.maybe("attention_chunk_size")
    step = config.whole("no_rope_layer_interval", default=4)
    has_positions = config.numbers("no_rope_layers") or tuple(
        int((i + 1) % step != 0) for i in range(layers)
    )
    return tuple(chunk if has else None for has in has_positions[:layers])


def _sinks(config: Config) -> int:
    return config.whole("num_attention_heads")


_QWEN2 = Manner(qkv_bias="qkv_bias", bias_default=True, output_bias=False)
_GPT_OSS = Manner(
    bias_default=True, output_bias_default=True, windows=every(2, 128), defaults={"head_dim": 64}
)
_LLAMA4 = Manner(windows=_llama4_windows, defaults={"head_dim": 128})

READERS: dict[str, Reader] = {
    "mixtral": mixture_reader(
        Manner(qkv_bias=False, output_bias=False, windows=all_layers), _mixtral
    ),
    "phimoe": mixture_reader(Manner(norm="layer", norm_values=2), _phimoe),
    "qwen2_moe": mixture_reader(_QWEN2, _qwen_moe, sparse_layers=stepped),
    "qwen3_moe": mixture_reader(Manner(head_norm="head"), _qwen3_moe, sparse_layers=stepped),
    "olmoe": mixture_reader(Manner(head_norm="full"), _olmoe),
    "granitemoe": mixture_reader(Manner(), _granitemoe),
    "granitemoeshared": mixture_reader(Manner(), _granitemoe),
    "gpt_oss": mixture_reader(_GPT_OSS, _gpt_oss, attention_extra=_sinks),
    "llama4_text": mixture_reader(
        _LLAMA4, _llama4, sparse_layers=interleaved, dense_width_key="intermediate_size_mlp"
    ),
    "glm4_moe": mixture_reader(
        Manner(output_bias=False, head_norm="head", head_norm_key="use_qk_norm"),
        deepseek_experts,
        sparse_layers=first_dense,
    ),
}
