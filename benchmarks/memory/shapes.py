"""A line of `configs.csv` -> a model card, with layers in the words that published rows use."""

from __future__ import annotations

import re
from typing import Any

from advisor.schema.architecture import LayerGroup, Linear
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

_FUSED = re.compile(r"c_attn|w_pack|wqkv|query_key_value|qkv_proj", re.IGNORECASE)
_FUSED_MODELS = re.compile(
    r"qwen/qwen-|chatglm|glm-4-9b|baichuan|santacoder|starcoder|falcon|bloom|mpt|internlm2|neox"
    r"|stablelm-base|pythia",
    re.IGNORECASE,
)
_BIGCODE = re.compile(r"santacoder|starcoder(?!2)", re.IGNORECASE)
_EXPERTS = re.compile(r"(\d+) (?:routed|experts)")
_TOTAL = re.compile(r"about ([\d.]+) ?B")
_SECOND_GEMMA = re.compile(r"gemma-?2-", re.IGNORECASE)
_GRANITE = re.compile(r"powerlm|granite", re.IGNORECASE)
_SHARED_EXPERT = re.compile(r"shared (\d{3,6})")
_ENCODER_DECODER = re.compile(r"(\d+)\+(\d+)")


def card_of(run: dict[str, Any], config: dict[str, str], targets: str) -> ModelCard:
    """The model of a row.

    Counted parameters that differ from the stated total are evened out outside the linear layers.
    Raises ValueError for shapes that make no model.
    """
    arch = run["arch"] | _experts_told(run["arch"], str(config.get("notes", "")))
    both = _ENCODER_DECODER.search(str(config.get("num_layers", "")))
    layers = int(both.group(1)) + int(both.group(2)) if both else arch["layers"]
    ungated = not run["gated"] or "2-matrix" in str(config.get("notes", ""))
    fused = bool(_FUSED.search(targets) or _FUSED_MODELS.search(str(run["model"])))
    hidden, vocabulary, tied = arch["hidden"], arch["vocab"], arch["tie"]
    linears = (*_attention(arch, fused=fused), *_feed_forward(arch, config, gated=not ungated))
    embedding, head = vocabulary * hidden, 0 if tied else vocabulary * hidden
    counted = layers * (sum(x.parameters for x in linears) + 2 * hidden) + hidden
    counted += embedding + head
    total = arch["params"] if abs(arch["params"] / counted - 1) < 0.25 else counted
    spare = max(total - counted, -2 * hidden * layers)
    active = total - layers * sum(
        (x.copies - x.active_copies) * x.weights for x in linears if x.part == "feed_forward"
    )
    width = arch["inter"] * max(arch["topk"], 1)
    group = LayerGroup(
        count=layers,
        linears=linears,
        other_parameters=2 * hidden + int(spare / layers),
        intermediate_size=width,
        gated=not ungated,
        experts=arch["experts"],
        experts_per_token=arch["topk"],
    )
    return ModelCard(
        id=str(run["model"]),
        hidden_size=hidden,
        layers=layers,
        attention_heads=arch["heads"],
        key_value_heads=arch["kv"],
        head_dim=arch["head_dim"],
        intermediate_size=arch["inter"],
        vocabulary_size=vocabulary,
        tied_embeddings=tied,
        max_sequence_length=arch["max_seq"] or None,
        parameters=total,
        active_parameters=active if arch["experts"] else None,
        gated_mlp=not ungated,
        family=_family(run),
        kind="encoder_decoder" if both else "decoder",
        groups=(group,),
        embedding_parameters=embedding,
        head_parameters=head,
        provenance=Provenance(kind="table", source="configs.csv"),
    )


def _experts_told(arch: dict[str, Any], notes: str) -> dict[str, Any]:
    """Experts and total that only the notes of a shape tell."""
    found: dict[str, Any] = {}
    experts, total = _EXPERTS.search(notes), _TOTAL.search(notes)
    if experts and not arch["experts"]:
        found |= {"experts": int(experts.group(1)), "topk": 1}
    if total and found:
        found["params"] = int(float(total.group(1)) * 1e9)
    return found


def _family(run: dict[str, Any]) -> str:
    """The family as transformers names it, where the harness takes it for a Llama."""
    name = str(run["model"])
    if _BIGCODE.search(name):
        return "gpt_bigcode"
    if run["family"] == "gemma2" and not _SECOND_GEMMA.search(name):
        return "gemma"  # the harness takes 2b for the second generation
    return "granite" if _GRANITE.search(name) else str(run["family"])


def _attention(arch: dict[str, Any], *, fused: bool) -> tuple[Linear, ...]:
    hidden = arch["hidden"]
    query, key_value = arch["heads"] * arch["head_dim"], arch["kv"] * arch["head_dim"]
    out = Linear(name="o_proj", inputs=query, outputs=hidden, part="attention")
    if fused:
        width = query + 2 * key_value
        return (Linear(name="qkv_proj", inputs=hidden, outputs=width, part="attention"), out)
    widths = (("q_proj", query), ("k_proj", key_value), ("v_proj", key_value))
    return (
        *(Linear(name=n, inputs=hidden, outputs=w, part="attention") for n, w in widths),
        out,
    )


def _feed_forward(
    arch: dict[str, Any], config: dict[str, str], *, gated: bool
) -> tuple[Linear, ...]:
    hidden, width, experts = arch["hidden"], arch["inter"], arch["experts"]
    names = ("gate_proj", "up_proj", "down_proj") if gated else ("up_proj", "down_proj")
    copies, active = max(experts, 1), max(arch["topk"], 1) if experts else 1
    is_module = not experts or "gpt_oss" not in str(config.get("model", "")).replace("-", "_")

    def matrices(size: int, copies: int, active: int) -> tuple[Linear, ...]:
        return tuple(
            Linear(
                name=name,
                inputs=size if name == "down_proj" else hidden,
                outputs=hidden if name == "down_proj" else size,
                copies=copies,
                active_copies=active,
                is_module=is_module,
            )
            for name in names
        )

    found = matrices(width, copies, active)
    if experts:
        found += (Linear(name="router", inputs=hidden, outputs=experts, part="router"),)
    notes = str(config.get("notes", ""))
    shared = _SHARED_EXPERT.search(notes)
    if shared and experts:
        return found + matrices(int(shared.group(1)), 1, 1)
    return found + (matrices(width, 1, 1) if experts and "shared" in notes else ())


def target_modules(run: dict[str, Any], card: ModelCard) -> str:
    """The adapted layers, as the plan names them for this card."""
    if run["scope"] == "all" and len(run["targets"]) == 7:
        return "all-linear"
    names = {linear.name for group in card.layer_groups for linear in group.linears}
    wanted = {"qkv_proj" if n in ("q_proj", "k_proj", "v_proj") else n for n in run["targets"]}
    found = sorted(n for n in (run["targets"] if "q_proj" in names else wanted) if n in names)
    return ",".join(found) or "all-linear"


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
