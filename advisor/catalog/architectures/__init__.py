"""Turns a model's `config.json` into a shape with an exact parameter count, family by family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.catalog.architectures import (
    custom_code,
    encoder,
    encoder_decoder,
    gemma4,
    gpt_like,
    hybrid,
    latent_attention,
    llama_like,
    mixture,
    neox_like,
    state_space,
)
from advisor.catalog.architectures.fallback import read_common
from advisor.catalog.architectures.reading import Config, Reader, card_from
from advisor.errors import UnknownModelError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

READERS: dict[str, Reader] = {
    **llama_like.READERS,
    **gpt_like.READERS,
    **neox_like.READERS,
    **custom_code.READERS,
    **mixture.READERS,
    **latent_attention.READERS,
    **hybrid.READERS,
    **state_space.READERS,
    **gemma4.READERS,
    **encoder_decoder.READERS,
    **encoder.READERS,
}
"""What reads a family, by the `model_type` of its configuration."""

_BY_CLASS = {
    "LlamaForCausalLM": "llama",
    "LLaMAForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "MixtralForCausalLM": "mixtral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "QWenLMHeadModel": "qwen",
    "GemmaForCausalLM": "gemma",
    "Gemma2ForCausalLM": "gemma2",
    "Gemma3ForCausalLM": "gemma3_text",
    "Phi3ForCausalLM": "phi3",
    "GPT2LMHeadModel": "gpt2",
    "BaiChuanForCausalLM": "baichuan",
    "BaichuanForCausalLM": "baichuan",
    "InternLMForCausalLM": "internlm",
    "ChatGLMModel": "chatglm",
    "ChatGLMForConditionalGeneration": "chatglm",
}
_FLAT_MULTI_MODAL = {"qwen2_vl": "qwen2", "qwen2_5_vl": "qwen2", "qwen2_5_vl_text": "qwen2"}
_TEXT_FAMILIES = {
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe_text": "qwen3_moe",
}
_TEXT_NOTE = "only the language model of a multi-modal configuration is counted"
_DEFAULT_TEXT = {
    "gemma3": "gemma3_text",
    "llama4": "llama4_text",
    "mistral3": "mistral",
    "gemma4": "gemma4_text",
}


def read_config(file: Path, name: str, local_path: str | None) -> ModelCard:
    """The shape a `config.json` describes.

    Raises UnknownModelError when it cannot be read, UnsupportedArchitectureError when its
    architecture or a number of it cannot be used.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnknownModelError(
            f"The model's {file.name} cannot be read: {error}.",
            hint="Name a folder that holds a valid config.json.",
            where=str(file),
        ) from error
    if not isinstance(content, dict):
        raise UnknownModelError(
            f"The model's {file.name} is not a JSON object.",
            hint="Name a folder that holds a valid config.json.",
            where=str(file),
        )
    provenance = Provenance(kind="computed", source="config.json", note=file.name)
    return card_of(content, name, provenance, where=str(file), local_path=local_path)


def card_of(
    content: Mapping[str, Any],
    name: str,
    provenance: Provenance,
    *,
    where: str,
    local_path: str | None = None,
) -> ModelCard:
    """The card of the entries of a `config.json`; its provenance notes what was assumed.

    Raises UnsupportedArchitectureError when the entries cannot be used.
    """
    config, note = _language_model(content, where)
    reader = READERS.get(config.family)
    shape = (reader or read_common)(config)
    notes = "; ".join(part for part in (provenance.note, note, shape.note) if part)
    return card_from(shape, config, name, provenance.model_copy(update={"note": notes}), local_path)


def _language_model(content: Mapping[str, Any], where: str) -> tuple[Config, str]:
    """The language model's own configuration, and what to say about what is left out."""
    outer = str(content.get("model_type") or "")
    named = [str(c) for c in content.get("architectures") or []]
    inner = content.get("text_config") or content.get("language_config")
    if isinstance(inner, dict):
        family = str(inner.get("model_type") or _DEFAULT_TEXT.get(outer, "llama"))
        merged = {"architectures": named, **inner, "model_type": _TEXT_FAMILIES.get(family, family)}
        if "tie_word_embeddings" in content:
            merged.setdefault("tie_word_embeddings", content["tie_word_embeddings"])
        return Config(merged, where), _TEXT_NOTE
    if outer in _FLAT_MULTI_MODAL:
        return Config({**content, "model_type": _FLAT_MULTI_MODAL[outer]}, where), _TEXT_NOTE
    if outer not in READERS and named and named[0] in _BY_CLASS:
        return Config({**content, "model_type": _BY_CLASS[named[0]]}, where), ""
    return Config(content, where), ""
