"""Turns a model's `config.json` into a shape with an exact parameter count, family by family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from advisor.catalog.architectures.packing import Packing, packing_of
from advisor.catalog.architectures.reading import Config, Reader, Shape, card_from
from advisor.errors import UnknownModelError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

_MODULES = (
    "llama_like",
    "mixture",
    "gpt_like",
    "neox_like",
    "latent_attention",
    "hybrid",
    "gemma4",
    "state_space",
    "mamba_mixed",
    "kimi_linear",
    "gemma3n",
    "encoder_decoder",
    "encoder",
    "custom_code",
)
"""Where families are looked for, the commonest first: a start pays for few of these modules."""

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
_UNUSABLE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What a word where a number belongs, or a list of the wrong length, raises in a reader."""
_INNER = ("text_config", "language_config", "llm_config")
_MODALITIES = ("vision", "visual", "image", "video", "audio", "speech", "vq_", "depth_decoder")
_TEXT_NOTE = "the language model of a multi-modal configuration"
_DEFAULT_TEXT = {
    "gemma3": "gemma3_text",
    "llama4": "llama4_text",
    "mistral3": "mistral",
    "gemma4": "gemma4_text",
    "gemma3n": "gemma3n_text",
}


def reader_of(family: str) -> Reader | None:
    """What reads a family, by the `model_type` of its configuration; None for an unknown one."""
    tables = (_readers(module) for module in _MODULES)
    return next((table[family] for table in tables if family in table), None)


def known_families() -> tuple[str, ...]:
    """The families that are read exactly."""
    return tuple(sorted(family for module in _MODULES for family in _readers(module)))


def _readers(module: str) -> dict[str, Reader]:
    readers: dict[str, Reader] = import_module(f"{__name__}.{module}").READERS
    return readers


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
    named = content.get("architectures") or []
    if not isinstance(named, list):
        content = {**content, "architectures": [named] if isinstance(named, str) else []}
    config, note = _language_model(content, where)
    try:
        packing = packing_of(content)
        shape = (reader_of(config.family) or _fallback())(config)
        _check_whole(config, shape)
        notes = "; ".join(part for part in (provenance.note, note, shape.note) if part)
        provenance = provenance.model_copy(update={"note": notes})
        card = card_from(shape, config, name, provenance, local_path)
        card = _with_parts(card, Config(content, where))
    except _UNUSABLE as error:
        said = str(error).partition("\n")[0]
        raise config.error(f"An entry of the configuration cannot be used: {said}.") from error
    return _packed(card, packing)


def _check_whole(config: Config, shape: Shape) -> None:
    named = [str(one) for one in config.get("architectures") or ()]
    if shape.kind == "encoder_decoder" and any(one.endswith("ForCausalLM") for one in named):
        raise config.error(
            f"'{named[0]}' is the decoder of a pair alone, which nobody counts here."
        )


def _with_parts(card: ModelCard, outer: Config) -> ModelCard:
    """The card with what a multi-modal configuration has beside its language model."""
    named = {
        key
        for key, value in outer.content.items()
        if isinstance(value, dict) and value and any(word in key for word in _MODALITIES)
    }
    if not named:
        return card
    from advisor.catalog.architectures.vision import beside, vision_parts  # noqa: PLC0415 - rare

    parts = vision_parts(outer, card.hidden_size)
    if parts is None:
        return card.model_copy(update={"uncounted": tuple(sorted(named))})
    if card.architecture.endswith("ForCausalLM"):  # the class loads the language model alone
        return card
    uncounted = tuple(sorted(named - {"vision_config"}))
    return beside(card.model_copy(update={"uncounted": uncounted}), parts)


def _packed(card: ModelCard, packing: Packing) -> ModelCard:
    if not packing.name and not packing.note:
        return card
    note = "; ".join(part for part in (card.provenance.note, packing.note) if part)
    return card.model_copy(
        update={
            "packing": packing.name,
            "quantised_as": packing.quantised_as,
            "provenance": card.provenance.model_copy(update={"note": note}),
        }
    )


def _fallback() -> Reader:
    from advisor.catalog.architectures.fallback import read_common  # noqa: PLC0415 - rarely needed

    return read_common


def _language_model(content: Mapping[str, Any], where: str) -> tuple[Config, str]:
    """The language model's own configuration, and what to say about what is left out."""
    outer = str(content.get("model_type") or "")
    named = [str(c) for c in content.get("architectures") or []]
    inner = next((content[key] for key in _INNER if isinstance(content.get(key), dict)), None)
    if inner is not None:
        family = str(inner.get("model_type") or _DEFAULT_TEXT.get(outer, "llama"))
        merged = {"architectures": named, **inner, "model_type": _TEXT_FAMILIES.get(family, family)}
        if "tie_word_embeddings" in content:
            merged.setdefault("tie_word_embeddings", content["tie_word_embeddings"])
        return Config(merged, where), _TEXT_NOTE
    if outer in _FLAT_MULTI_MODAL:
        return Config({**content, "model_type": _FLAT_MULTI_MODAL[outer]}, where), _TEXT_NOTE
    if named and named[0] in _BY_CLASS and reader_of(outer) is None:
        return Config({**content, "model_type": _BY_CLASS[named[0]]}, where), ""
    return Config(content, where), ""
