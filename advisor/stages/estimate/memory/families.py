"""How model families differ inside a layer, where the layer's shape does not tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Habits:
    """Ways of computing that change what is kept for the backward pass."""

    rotates: bool = True
    """Rotary positions: query and key are new tensors."""
    scales_in_single: bool = False
    """Norms multiply by their weight in 32 bits and lower the product (Gemma, OLMo 2)."""
    post_norms: bool = False
    """Norms after attention and feed-forward, beside those before."""
    only_post_norms: bool = False
    dropout: bool = False
    """Published configurations train with dropout in the layers."""
    attention_dropout: bool = False
    """And with dropout of attention's weights."""
    caps_scores: bool = False
    """Attention scores go through a tanh, and the logits too."""
    softmax_in_single: bool = True
    """Eager attention's softmax is in 32 bits."""
    softmax_in_half: bool = False
    """It says its precision, so that autocast does not lift it either."""
    lifts_scores: bool = False
    """Scores are in 32 bits before their softmax."""
    always_eager: bool = False
    """There is no attention kernel for it."""
    spelt_out: frozenset[str] = frozenset({"gelu_new", "gelu_fast", "quick_gelu"})
    """Activations written as several operations."""


_HABITS = {
    "gpt2": Habits(rotates=False, dropout=True, attention_dropout=True, softmax_in_single=False),
    "gpt_bigcode": Habits(rotates=False, dropout=True, attention_dropout=True),
    "gpt_neo": Habits(rotates=False, lifts_scores=True, always_eager=True),
    "falcon": Habits(softmax_in_single=False, softmax_in_half=True),
    "gptj": Habits(lifts_scores=True, always_eager=True),
    "opt": Habits(rotates=False, dropout=True),
    "bloom": Habits(rotates=False, always_eager=True),
    "mpt": Habits(rotates=False, lifts_scores=True, always_eager=True),
    "gpt_oss": Habits(softmax_in_single=False, softmax_in_half=True, always_eager=True),
    "codegen": Habits(lifts_scores=True, always_eager=True),
    "phi": Habits(dropout=True),
    "starcoder2": Habits(dropout=True, attention_dropout=True),
    "gemma": Habits(scales_in_single=True),
    "gemma2": Habits(scales_in_single=True, post_norms=True, caps_scores=True, always_eager=True),
    "gemma3_text": Habits(scales_in_single=True, post_norms=True),
    "olmo2": Habits(scales_in_single=True, only_post_norms=True),
}
_ENCODER = Habits(rotates=False, dropout=True, attention_dropout=True)
_SCORED = Habits(rotates=False, dropout=True, attention_dropout=True, always_eager=True)
"""Position biases are added to the scores."""
_HABITS |= dict.fromkeys(
    ("bert", "roberta", "xlm-roberta", "electra", "distilbert", "bart", "mbart"), _ENCODER
)
_HABITS |= dict.fromkeys(("t5", "mt5", "umt5", "deberta-v2", "mpnet"), _SCORED)
_HABITS |= {"glm4": Habits(post_norms=True), "olmo3": _HABITS["olmo2"]}
_USUAL = Habits()


def habits_of(family: str) -> Habits:
    """The family's ways, by `model_type`; Llama's where nothing else is known."""
    return _HABITS.get(family, _USUAL)
