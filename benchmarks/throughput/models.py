"""The model of a published row: by its name where the shape is known, else by its size."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import Any

import yaml

from advisor.schema.architecture import dense_group
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

SHAPES: dict[str, list[Any]] = yaml.safe_load(
    (Path(__file__).parent / "shapes.yaml").read_text(encoding="utf-8")
)
WIDTHS = (
    (0.125, 768),
    (0.35, 1024),
    (1.1, 2048),
    (3.0, 2560),
    (7.0, 4096),
    (13.0, 5120),
    (30.0, 6656),
    (70.0, 8192),
    (175.0, 12288),
    (405.0, 16384),
)
"""Billions of parameters and the hidden width that usually goes with them."""
VOCABULARY = 64000


def model_of(name: str, billions: float, active: float | None) -> ModelCard:
    """A card with the row's parameter counts, and layers that carry them."""
    row = SHAPES.get(_key(name, billions)) if active is None else None
    return _card(name, billions, active, tuple(row) if row else None)


@cache
def _card(
    name: str, billions: float, active: float | None, row: tuple[Any, ...] | None
) -> ModelCard:
    shape = row or _usual(active or billions)
    hidden, layers, heads, key_values, feed_forward, vocabulary, gated, tied = shape
    group = dense_group(
        hidden_size=hidden,
        intermediate_size=feed_forward,
        heads=(heads, key_values, hidden // heads),
        count=layers,
        gated=gated,
    )
    return ModelCard(
        id=name,
        architecture="LlamaForCausalLM" if gated else "GPT2LMHeadModel",
        hidden_size=hidden,
        layers=layers,
        attention_heads=heads,
        key_value_heads=key_values,
        head_dim=hidden // heads,
        intermediate_size=feed_forward,
        vocabulary_size=vocabulary,
        tied_embeddings=tied,
        gated_mlp=gated,
        groups=(group.model_copy(update={"experts": _experts(name) if active else 0}),),
        parameters=round(billions * 1e9),
        active_parameters=round(active * 1e9) if active else None,
        provenance=Provenance(kind="table", source="published-configs"),
    )


EXPERTS = (
    (r"mixtral", 8),
    (r"scout", 16),
    (r"gpt.?oss.?20b", 32),
    (r"deepseek", 256),
    (r"kimi", 384),
    (r"granite", 40),
)
MANY_EXPERTS = 128
"""Qwen3, gpt-oss-120b, Nemotron 3, Llama 4 Maverick and most others."""


def _experts(name: str) -> int:
    lowered = name.lower()
    return next((n for pattern, n in EXPERTS if re.search(pattern, lowered)), MANY_EXPERTS)


def _usual(billions: float) -> tuple[Any, ...]:
    """The shape that models of this size usually have: 12 x layers x hidden squared."""
    hidden = 128 * max(round(_width(billions) / 128), 1)
    rest = max(billions * 1e9 - 2 * VOCABULARY * hidden, 0.3 * billions * 1e9)
    layers = max(round(rest / (12 * hidden**2)), 1)
    heads = hidden // 128
    return hidden, layers, heads, heads, round(8 * hidden / 3), VOCABULARY, True, False


def _width(billions: float) -> float:
    size = log(billions)
    points = [(log(b), log(w)) for b, w in WIDTHS]
    if size <= points[0][0]:
        return exp(points[0][1] + (size - points[0][0]) / 2)
    for (a, u), (b, v) in pairwise(points):
        if size <= b:
            return exp(u + (v - u) * (size - a) / (b - a))
    return exp(points[-1][1] + (size - points[-1][0]) / 3)


FAMILIES = (
    (r"mpt", "mpt"),
    (r"qwen[ -]?2\.5", "qwen2.5"),
    (r"qwen-?(1\.8|7|14|72)b", "qwen"),
    (r"tiny-?llama", "tinyllama"),
    (r"llama[ _-]?2", "llama2"),
    (r"llama[ _-]?3", "llama3"),
    (r"mistral", "mistral"),
    (r"yi-", "yi"),
    (r"gpt-?3", "gpt3"),
)


def _key(name: str, billions: float) -> str:
    lowered = name.lower()
    family = next((known for pattern, known in FAMILIES if re.search(pattern, lowered)), "")
    if not family:
        return ""
    sizes = [key for key in SHAPES if key.rsplit("-", 1)[0] == family]
    return min(sizes, key=lambda key: abs(log(_size(key) / billions)), default="")


def _size(key: str) -> float:
    number = key.rsplit("-", 1)[1]
    return float(number[:-1]) * (0.001 if number.endswith("m") else 1.0)
