"""Turns a model's `config.json` into a shape with an exact parameter count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advisor.errors import UnknownModelError, UnsupportedArchitectureError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

GATED = (
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "GemmaForCausalLM",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "Phi3ForCausalLM",
)
SUPPORTED = (*GATED, "GPT2LMHeadModel")
_BY_MODEL_TYPE = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
}
_TIED_BY_DEFAULT = ("GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM", "GPT2LMHeadModel")
_GPT2_KEYS = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "intermediate_size": "n_inner",
    "max_position_embeddings": "n_positions",
}


class Shape:
    """The numbers of a `config.json`, or a told error about the one that is missing."""

    def __init__(self, file: Path, content: dict[str, Any]) -> None:
        self.file = file
        self._content = content
        self.architecture = self._architecture()
        self.is_gpt2 = self.architecture == "GPT2LMHeadModel"

    def _architecture(self) -> str:
        named = self._content.get("architectures") or []
        model_type = str(self._content.get("model_type", ""))
        found = str(named[0]) if named else _BY_MODEL_TYPE.get(model_type, model_type)
        if found not in SUPPORTED:
            raise UnsupportedArchitectureError(
                f"The architecture '{found or 'unnamed'}' is not supported.",
                hint=f"Supported: {', '.join(SUPPORTED)}.",
                where=str(self.file),
            )
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        """A positive whole number of the configuration, or `default` where it says nothing."""
        name = _GPT2_KEYS.get(key, key) if self.is_gpt2 else key
        value = self._content.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise UnsupportedArchitectureError(
                f"'{name}' must be a positive whole number, got {value!r}.",
                hint="Take the config.json that was published with the model.",
                where=str(self.file),
            )
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """A yes or no of the configuration."""
        value = self._content.get(key)
        return default if value is None else bool(value)


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
    return _card(Shape(file, content), name, local_path)


def _card(shape: Shape, name: str, local_path: str | None) -> ModelCard:
    hidden, heads = shape.whole("hidden_size"), shape.whole("num_attention_heads")
    tied = shape.flag(
        "tie_word_embeddings", default=shape.architecture in _TIED_BY_DEFAULT or shape.is_gpt2
    )
    card = ModelCard(
        id=name,
        architecture=shape.architecture,
        hidden_size=hidden,
        layers=shape.whole("num_hidden_layers"),
        attention_heads=heads,
        key_value_heads=heads if shape.is_gpt2 else shape.whole("num_key_value_heads", heads),
        head_dim=hidden // heads if shape.is_gpt2 else shape.whole("head_dim", hidden // heads),
        intermediate_size=shape.whole("intermediate_size", 4 * hidden if shape.is_gpt2 else None),
        vocabulary_size=shape.whole("vocab_size"),
        tied_embeddings=tied,
        max_sequence_length=shape.whole("max_position_embeddings", 1024),
        parameters=1,
        gated_mlp=not shape.is_gpt2,
        local_path=local_path,
        provenance=Provenance(kind="computed", source="config.json", note=str(shape.file.name)),
    )
    has_bias = shape.flag("attention_bias", default=shape.architecture == "Qwen2ForCausalLM")
    return card.model_copy(update={"parameters": count_parameters(card, attention_bias=has_bias)})


def count_parameters(card: ModelCard, *, attention_bias: bool = False) -> int:
    """All parameters of a dense decoder: embeddings + layers x (attention + MLP + norms) + head.

    Exact for the architectures in `SUPPORTED`; `attention_bias` counts biases of the query, key
    and value projections (and, outside Qwen2, of the output projection).
    """
    hidden, feed_forward = card.hidden_size, card.intermediate_size
    embeddings = card.vocabulary_size * hidden * (1 if card.tied_embeddings else 2)
    if card.architecture == "GPT2LMHeadModel":
        block = 4 * hidden * hidden + 2 * hidden * feed_forward + 9 * hidden + feed_forward
        return (
            embeddings + (card.max_sequence_length or 0) * hidden + card.layers * block + 2 * hidden
        )
    query = card.attention_heads * card.head_dim
    key_value = card.key_value_heads * card.head_dim
    attention = 2 * hidden * query + 2 * hidden * key_value
    if attention_bias:
        attention += query + 2 * key_value
        attention += 0 if card.architecture == "Qwen2ForCausalLM" else hidden
    norms = 2 * hidden
    if card.architecture in {"Gemma2ForCausalLM", "Gemma3ForCausalLM"}:
        norms = 4 * hidden
    if card.architecture in {"Qwen3ForCausalLM", "Gemma3ForCausalLM"}:
        norms += 2 * card.head_dim
    return embeddings + card.layers * (attention + 3 * hidden * feed_forward + norms) + hidden
