"""The model of a published row: the catalog's, or a line of `configs.csv` read as a config.json."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from advisor.catalog import architectures, query
from advisor.errors import AdvisorError
from advisor.schema.architecture import Linear
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard
from benchmarks.memory.cells import number

_AGREED = 0.01
"""How far the catalog's count may lie from the stated one."""
_ENCODER_DECODER = re.compile(r"(\d+)\+(\d+)")
_ROLES = {
    "q_proj": "attention",
    "k_proj": "attention",
    "v_proj": "attention",
    "o_proj": "attention",
}
_OUT = ("o_proj", "down_proj")


@cache
def catalog_card(name: str) -> ModelCard | None:
    """The model that `advisor estimate --model NAME` means; None where it knows none."""
    try:
        return query.find_model(name)
    except AdvisorError:
        return None


def card_of(run: dict[str, Any], config: Mapping[str, str]) -> ModelCard:
    """The model of a row: the catalog's where counts agree, else read from the table's columns.

    Raises ValueError for columns that make no model.
    """
    known, stated = catalog_card(str(run["model"])), number(config.get("total_params"))
    if known and (not stated or abs(known.parameters / stated - 1) <= _AGREED):
        return known
    try:
        return architectures.card_of(
            _content(run, config),
            str(run["model"]),
            Provenance(kind="table", source="configs.csv"),
            where="configs.csv",
        )
    except AdvisorError as error:
        raise ValueError(str(error)) from error


def _content(run: dict[str, Any], config: Mapping[str, str]) -> dict[str, Any]:
    """The columns in the words of a config.json, the family as transformers names it."""
    arch, family = run["arch"], str(config.get("model_type") or run["family"])
    if arch["experts"] and family in ("llama", "mistral", "qwen2", "qwen3"):
        family = {"qwen2": "qwen2_moe", "qwen3": "qwen3_moe"}.get(family, "mixtral")
    both = _ENCODER_DECODER.search(str(config.get("num_layers", "")))
    width = arch["inter"]
    return {
        "model_type": "t5" if both else {"gemma3": "gemma3_text"}.get(family, family),
        "hidden_size": arch["hidden"],
        "num_hidden_layers": arch["layers"],
        "num_decoder_layers": int(both.group(2)) if both else None,
        "num_attention_heads": arch["heads"],
        "num_key_value_heads": arch["kv"],
        "head_dim": arch["head_dim"],
        "intermediate_size": width,
        "ffn_dim": width,
        "n_inner": width,
        "moe_intermediate_size": arch["moe_inter"] or width,
        "vocab_size": arch["vocab"],
        "tie_word_embeddings": arch["tie"],
        "max_position_embeddings": arch["max_seq"] or None,
        "num_local_experts": arch["experts"] or None,
        "num_experts": arch["experts"] or None,
        "num_experts_per_tok": arch["topk"] or None,
        "n_embd": arch["hidden"],
        "n_layer": arch["layers"],
        "n_head": arch["heads"],
        "d_model": arch["hidden"],
        "num_layers": arch["layers"],
        "num_heads": arch["heads"],
        "d_kv": arch["head_dim"],
        "d_ff": width,
    }


def target_modules(run: dict[str, Any], card: ModelCard) -> str:
    """The adapted layers by the names that this model has for them."""
    if run["scope"] == "all" and len(run["targets"]) == 7:
        return "all-linear"
    names = {linear.name for group in card.layer_groups for linear in group.linears}
    if set(run["targets"]) <= names:
        return ",".join(sorted(run["targets"]))
    group = max(card.layer_groups, key=lambda one: one.count)
    found = {name for target in run["targets"] for name in _named(target, group.linears)}
    return ",".join(sorted(found)) or "all-linear"


def _named(target: str, linears: tuple[Linear, ...]) -> tuple[str, ...]:
    """A layer in Llama's words -> the module's names; fused ones stand for each of their parts."""
    if any(linear.name == target for linear in linears):
        return (target,)
    part = _ROLES.get(target, "feed_forward")
    of_part = [linear for linear in linears if linear.part == part]
    chosen = of_part[-1:] if target in _OUT else of_part[:-1]
    prefix = {"attention": "attn", "feed_forward": "mlp"}[part]
    return tuple(
        f"{prefix}.{one.name}" if sum(x.name == one.name for x in linears) > 1 else one.name
        for one in chosen
    )


def config_of(card: ModelCard) -> dict[str, str]:
    """A line of `configs.csv` for a model that the catalog knows and the table does not."""
    group = max(card.layer_groups, key=lambda g: g.count)
    sizes = {
        "hidden_size": card.hidden_size,
        "num_layers": card.layers,
        "num_heads": card.attention_heads,
        "num_kv_heads": card.key_value_heads,
        "head_dim": card.head_dim,
        "intermediate_size": card.intermediate_size,
        "vocab_size": card.vocabulary_size,
        "tie_embeddings": "yes" if card.tied_embeddings else "no",
        "total_params": card.parameters,
        "num_experts": group.experts or "",
        "num_experts_per_tok": group.experts_per_token or "",
        "notes": "" if card.gated_mlp else "2-matrix",
    }
    return {"model": card.id} | {key: str(value) for key, value in sizes.items()}
