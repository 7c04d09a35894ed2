"""A row of a published table -> one description of the run, the same for every contestant.

Field for field what the peer harness gives its contestants under `normalized`. What the source
left out is filled with one default for all and listed under `assumed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmarks.memory.cells import Row, Run, first, flag, gpu_gib, number, whole
from benchmarks.memory.spellings import (
    attention_of,
    base_method,
    checkpointing_of,
    fused_loss,
    keeps_master,
    length_kind,
    optimizer_of,
    precision_of,
    quantisation_of,
    strategy_of,
    targets_of,
)
from benchmarks.memory.words import EXACT_METHODS, FAMILIES, UNGATED

CORE_FIELDS = frozenset(
    {"seq_len", "micro_batch", "grad_checkpointing", "num_gpus", "quant", "targets", "rank"}
)
"""A row is core when the source states all of these."""


def normalize(row: Row, configs: Mapping[str, Row], *, strict: bool = True) -> Run:
    """One description of the run.

    Raises ValueError when the row cannot be described; unless `strict`, methods and objectives
    that the harness does not hand to its contestants are described too.
    """
    assumed: list[str] = []
    raw, notes = str(row.get("method") or "").strip().lower(), str(row.get("notes") or "")
    base, quant, guessed = base_method(
        raw, quantisation_of(row.get("weights_dtype"), raw, notes), strict=strict
    )
    assumed += ["quant"] if guessed else []
    run: Run = {"model": row.get("model"), "method": base, "raw_method": raw, "quant": quant}
    run["approx_method"] = raw not in EXACT_METHODS
    run |= _batch(row, assumed)
    gpus = whole(row.get("num_gpus")) or 1
    if number(row.get("num_gpus")) is None and str(row.get("num_gpus") or "").strip():
        assumed.append("num_gpus")
    run["num_gpus"] = gpus
    run["parallel"], run["offload"] = strategy_of(row.get("parallelism"), gpus)
    config = find_config(row.get("model"), configs)
    if config is None:
        raise ValueError(f"no config for model {row.get('model')!r}")
    run["family"], run["arch"] = architecture(row, config)
    run["gated"] = run["family"] not in UNGATED
    run |= _software(row, run, notes.lower(), assumed)
    run |= _adapter(row, base, assumed)
    run["assumed"] = assumed
    return run


def _batch(row: Row, assumed: list[str]) -> Run:
    text = str(row.get("seq_len") or "")
    kind, length, batch = (
        length_kind(text),
        whole(row.get("seq_len")),
        whole(row.get("micro_batch")),
    )
    if kind in ("cap", "variable"):
        assumed.append("seq_len")
    if not length:
        raise ValueError("row has no seq_len")
    if not batch:
        assumed.append("micro_batch")
    accumulated = whole(row.get("grad_accum")) or 1
    return {"seq": length, "seq_kind": kind, "mb": batch or 1, "ga": accumulated}


def _software(row: Row, run: Run, notes: str, assumed: list[str]) -> Run:
    framework = str(row.get("framework") or "").lower()
    attention_text = str(row.get("attention") or "").lower()
    checkpointing, guessed = checkpointing_of(row, run["method"], run["parallel"], run["num_gpus"])
    assumed += ["grad_checkpointing"] if guessed else []
    attention, guessed = attention_of(row)
    assumed += ["attention"] if guessed else []
    optimizer, guessed = optimizer_of(row.get("optimizer"))
    assumed += ["optimizer"] if guessed else []
    compute = precision_of(row.get("compute_dtype"), precision_of(row.get("weights_dtype"), "bf16"))
    quant = run["quant"]
    fused = fused_loss(notes, framework, attention_text)
    gib, known = gpu_gib(row.get("gpu"))
    is_full = run["method"] == "full"
    return {
        "gc": checkpointing,
        "attn": attention,
        "optimizer": optimizer,
        "compute": compute,
        "weights": precision_of(row.get("weights_dtype"), compute) if quant == "none" else quant,
        "gpu": row.get("gpu") or "",
        "gpu_gib": gib,
        "gpu_known": known,
        "framework": framework,
        "mem_kind": str(row.get("mem_kind") or "").lower(),
        "liger": any("liger" in text for text in (framework, attention_text, notes)),
        "fused_loss": bool(fused),
        "fused_kind": fused,
        "master": is_full and keeps_master(row, run["parallel"], run["num_gpus"], notes),
        "act_offload": "offload" in str(row.get("grad_checkpointing") or "").lower(),
        "in_backward": "in-backward" in str(row.get("optimizer") or "").lower(),
    }


def _adapter(row: Row, base: str, assumed: list[str]) -> Run:
    if base == "full":
        return {"rank": None, "targets": [], "scope": ""}
    rank = whole(row.get("rank"))
    if not rank:
        assumed.append("rank")
    targets, scope, guessed = targets_of(row.get("target_modules"))
    assumed += ["targets"] if guessed else []
    return {"rank": rank or 16, "targets": targets, "scope": scope}


def find_config(model: object, configs: Mapping[str, Row]) -> Row | None:
    """The configuration of a model: by its name, its last part, or its name without frills."""
    name = str(model)
    if name in configs:
        return configs[name]
    low = {key.lower(): value for key, value in configs.items()}
    wanted = name.lower()
    if wanted in low:
        return low[wanted]
    for plain in (_tail, _bare):
        for key, value in low.items():
            if plain(key) == plain(wanted):
                return value
    return None


def _tail(name: str) -> str:
    return name.rsplit("/", maxsplit=1)[-1]


def _bare(name: str) -> str:
    plain = re.sub(r"[^a-z0-9.]", "", _tail(name))
    for frill in ("instruct", "chat", "hf", "base", "v0.1", "meta"):
        plain = plain.replace(frill, "")
    return plain


def architecture(row: Row, config: Row) -> tuple[str, Run]:
    """Family and shape of the model.

    Raises ValueError when the configuration lacks hidden size, layers or heads.
    """

    def size(*names: str) -> int | None:
        return whole(first(config, *names))

    hidden, layers = size("hidden_size"), size("num_layers", "num_hidden_layers")
    heads = size("num_heads", "num_attention_heads")
    if not (hidden and layers and heads):
        raise ValueError("config incomplete")
    family = _family(row, config)
    experts = size("num_experts", "num_local_experts", "n_routed_experts", "experts") or 0
    per_token = size("num_experts_per_tok", "experts_per_tok", "top_k", "num_active_experts") or 0
    told = re.search(r"(\d+) experts, (\d+) active", str(config.get("notes") or ""))
    if told and not experts:
        experts, per_token = int(told.group(1)), int(told.group(2))
    arch: Run = {
        "hidden": hidden,
        "layers": layers,
        "heads": heads,
        "kv": size("num_kv_heads", "num_key_value_heads") or heads,
        "head_dim": size("head_dim") or hidden // heads,
        "inter": size("intermediate_size") or 4 * hidden,
        "vocab": size("vocab_size") or 32000,
        "tie": bool(flag(first(config, "tie_embeddings", "tie_word_embeddings"))),
        "experts": experts,
        "topk": per_token,
        "moe_inter": size("moe_intermediate_size") or 0,
        "max_seq": size("max_position_embeddings", "max_seq_len") or 0,
    }
    arch["params"] = int(_parameters(row, config, arch, gated=family not in UNGATED))
    return family, arch


def _family(row: Row, config: Row) -> str:
    said = str(first(config, "model_type", "family") or "").lower()
    text = said or str(row.get("model")).lower()
    return next((family for part, family in FAMILIES if part in text), "llama")


def _parameters(row: Row, config: Row, arch: Run, *, gated: bool) -> float:
    total = number(
        first(config, "total_params", "total_parameters", "params", "num_params", "n_params")
    )
    if total is not None and total >= 1e6:
        return total
    if total and total < 2000:
        return total * 1e9
    billions = number(first(config, "params_b")) or number(row.get("params_b"))
    if billions:
        return billions * 1e9
    hidden, head = arch["hidden"], arch["head_dim"]
    attention = 2 * hidden * (arch["heads"] + arch["kv"]) * head
    layer = attention + (3 if gated else 2) * hidden * arch["inter"] + 2 * hidden
    return float(arch["layers"] * layer + arch["vocab"] * hidden * (1 if arch["tie"] else 2))
