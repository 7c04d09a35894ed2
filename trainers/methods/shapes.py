"""The linear layers of a dense decoder: what adapters attach to and what quantisation packs."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard

ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class Linear:
    """One linear layer of every decoder layer."""

    name: str
    inputs: int
    outputs: int

    @property
    def weights(self) -> int:
        """Entries of its matrix."""
        return self.inputs * self.outputs


def linear_layers(model: ModelCard) -> tuple[Linear, ...]:
    """Linear layers of one decoder layer, by the names that transformers gives them."""
    hidden, feed_forward = model.hidden_size, model.intermediate_size
    query = model.attention_heads * model.head_dim
    key_value = model.key_value_heads * model.head_dim
    if model.architecture == "GPT2LMHeadModel":
        return (
            Linear("c_attn", hidden, 3 * hidden),
            Linear("c_proj", hidden, hidden),
            Linear("c_fc", hidden, feed_forward),
            Linear("mlp.c_proj", feed_forward, hidden),
        )
    if model.architecture == "Phi3ForCausalLM":
        return (
            Linear("qkv_proj", hidden, query + 2 * key_value),
            Linear("o_proj", query, hidden),
            Linear("gate_up_proj", hidden, 2 * feed_forward),
            Linear("down_proj", feed_forward, hidden),
        )
    return (
        Linear("q_proj", hidden, query),
        Linear("k_proj", hidden, key_value),
        Linear("v_proj", hidden, key_value),
        Linear("o_proj", query, hidden),
        Linear("gate_proj", hidden, feed_forward),
        Linear("up_proj", hidden, feed_forward),
        Linear("down_proj", feed_forward, hidden),
    )


def targeted_layers(model: ModelCard, target_modules: str) -> tuple[Linear, ...]:
    """The linear layers a plan adapts: all of them, or those named, separated by commas.

    Raises PlanError for a name the model does not have.
    """
    layers = linear_layers(model)
    if target_modules == ALL_LINEAR:
        return layers
    wanted = [name.strip() for name in target_modules.split(",") if name.strip()]
    known = [layer.name for layer in layers]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise PlanError(
            f"{model.id} has no linear layer '{', '.join(unknown)}'.",
            hint=f"Choose from {', '.join(known)}, or {ALL_LINEAR}.",
        )
    return tuple(layer for layer in layers if layer.name in wanted)


def linear_weights(model: ModelCard) -> int:
    """Entries of all linear matrices of all decoder layers: what 4-bit loading packs."""
    return model.layers * sum(layer.weights for layer in linear_layers(model))


def adapter_parameters(model: ModelCard, rank: int, target_modules: str) -> int:
    """LoRA parameters: layers x sum of rank x (inputs + outputs) over the adapted matrices."""
    adapted = targeted_layers(model, target_modules)
    return model.layers * sum(rank * (layer.inputs + layer.outputs) for layer in adapted)
