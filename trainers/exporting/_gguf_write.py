"""Writes a model folder as one GGUF file with the pip package gguf, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import safe_open

from advisor.errors import ModelFolderError, PlanError
from trainers.exporting.gguf_chat import ChatFacts
from trainers.exporting.gguf_shapes import Shape
from trainers.exporting.gguf_vocabulary import Vocabulary

KINDS = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
PARTS = (
    *(f"self_attn.{one}_proj" for one in "qkvo"),
    *(f"mlp.{one}_proj" for one in ("gate", "up", "down")),
    "input_layernorm",
    "post_attention_layernorm",
)
"""Of each layer, what no model runs without."""
BLOCK = 32
"""Numbers that share one scale in q8_0."""


def write(
    folder: Path,
    file: Path,
    *,
    shape: Shape,
    vocabulary: Vocabulary | None,
    chat: ChatFacts,
    precision: str,
) -> None:
    """Write it; without a vocabulary, a file that takes token ids only.

    Raises PlanError for a number that the precision cannot hold or a tensor that llama.cpp has no
    place for, ModelFolderError for weights with holes.
    """
    writer = gguf.GGUFWriter(file, shape.architecture, use_temp_file=False)
    try:
        _facts(writer, shape, chat.name, KINDS[precision][1])
        if vocabulary is None:
            writer.add_tokenizer_model("none")
        else:
            _words(writer, vocabulary)
        _turns(writer, chat)
        _weights(writer, folder, shape, precision)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _facts(writer: Any, shape: Shape, name: str, kind: Any) -> None:
    writer.add_name(name)
    writer.add_file_type(kind)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.shared_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)


def _words(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.way.name)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)


def _turns(writer: Any, chat: ChatFacts) -> None:
    """Special tokens, whether a prompt begins with one, and the chat template."""
    named = {
        "bos": writer.add_bos_token_id,
        "eos": writer.add_eos_token_id,
        "eot": writer.add_eot_token_id,
        "eom": writer.add_eom_token_id,
        "pad": writer.add_pad_token_id,
        "unk": writer.add_unk_token_id,
    }
    for name, number in chat.special.items():
        named[name](number)
    writer.add_add_bos_token(chat.adds_bos)
    writer.add_add_eos_token(value=False)
    if chat.template:
        writer.add_chat_template(chat.template)


def _weights(writer: Any, folder: Path, shape: Shape, precision: str) -> None:
    arch = next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == shape.architecture)
    names = gguf.get_tensor_name_map(arch, shape.layers)
    wanted, seen = KINDS[precision][0], set()
    for name, tensor in _tensors(folder):
        place = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if place is None:
            raise PlanError(
                f"The tensor '{name}' has no place in a GGUF file of kind {shape.architecture}.",
                hint="Use llama.cpp's own converter: option llama_cpp=FOLDER.",
                where=str(folder),
            )
        seen.add(place)
        _add(writer, place, _paired(name, tensor, shape), wanted)
    lacking = sorted(_least(names, shape) - seen)
    if lacking:
        raise ModelFolderError(
            f"The weights lack {len(lacking)} tensors, first '{lacking[0]}'.",
            hint="Merge the model again; its files do not belong together.",
            where=str(folder),
        )


def _least(names: Any, shape: Shape) -> set[str]:
    """Tensors without which no such model runs."""
    layers = [f"model.layers.{at}.{part}" for at in range(shape.layers) for part in PARTS]
    found = [names.get_name(name) for name in (*layers, "model.embed_tokens", "model.norm")]
    return {f"{name}.weight" for name in found}


def _tensors(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of a folder once, in float32; a head tied to the embeddings is left out."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - no mapping
                if "rotary_emb.inv_freq" not in name:
                    yield name, opened.get_tensor(name).to(torch.float32)


def _paired(name: str, tensor: torch.Tensor, shape: Shape) -> np.ndarray:
    """A tensor as llama.cpp has it: rows of a head that turn together stand side by side."""
    heads = {"q_proj": shape.heads, "k_proj": shape.shared_heads}.get(name.split(".")[-2])
    numbers: np.ndarray = tensor.numpy()
    if heads is None or not shape.turns_pairs:
        return numbers
    half = numbers.shape[0] // heads // 2
    rest = numbers.shape[1:]
    return numbers.reshape(heads, 2, half, *rest).swapaxes(1, 2).reshape(numbers.shape)


def _add(writer: Any, name: str, numbers: np.ndarray, wanted: Any) -> None:
    kinds = gguf.GGMLQuantizationType
    kind = wanted if numbers.ndim > 1 else kinds.F32
    if kind == kinds.Q8_0 and numbers.shape[-1] % BLOCK:
        kind = kinds.F16
    if kind == kinds.F32:
        writer.add_tensor(name, np.ascontiguousarray(numbers))
        return
    if kind == kinds.F16 and np.abs(numbers).max(initial=0) > np.finfo(np.float16).max:
        raise PlanError(
            f"The tensor '{name}' has numbers that f16 cannot hold.",
            hint="Export with quantisation=bf16 or quantisation=f32.",
            where=name,
        )
    packed = gguf.quants.quantize(np.ascontiguousarray(numbers), kind)
    writer.add_tensor(name, packed, raw_dtype=kind)
