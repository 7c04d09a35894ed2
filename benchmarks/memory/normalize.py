"""A row of a published table -> one description of the run, the same for every contestant.

Field for field what the peer harness gives its contestants under `normalized`. What the source
left out is filled with one default for all and listed under `assumed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.memory.words import (
    ALIASES,
    ALL_ATTENTION,
    ALL_LINEAR,
    ATTENTION,
    EXACT_METHODS,
    FAMILIES,
    FULL_NAMES,
    GPU_GIB,
    LORA_KIN,
    MIXED_STRATEGIES,
    MODULES,
    STRATEGIES,
    UNGATED,
)

Row = Mapping[str, str]
Run = dict[str, Any]
CORE_FIELDS = frozenset(
    {"seq_len", "micro_batch", "grad_checkpointing", "num_gpus", "quant", "targets", "rank"}
)
"""A row is core when the source states all of these."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_NOTHING = frozenset({"", "none", "null", "nan", "na", "n/a", "unknown", "-", "?"})
_YES = frozenset(
    {"1", "true", "yes", "on", "y", "full", "unsloth", "selective", "reentrant", "non-reentrant"}
)
_NO = frozenset({"0", "false", "no", "off", "n", "none", "f"})


def number(text: object) -> float | None:
    """The first number in a cell; None for an empty or unknown one."""
    plain = str(text if text is not None else "").strip().replace(",", "").replace("_", "")
    if plain.lower() in _NOTHING:
        return None
    try:
        return float(plain)
    except ValueError:
        found = _NUMBER.search(plain)
        return float(found.group(0)) if found else None


def whole(text: object) -> int | None:
    """The first number in a cell, cut to a whole one."""
    value = number(text)
    return None if value is None else int(value)


def flag(text: object) -> bool | None:
    """A yes, a no, or neither."""
    plain = str(text or "").strip().lower()
    if plain in _YES or plain == "t":
        return True
    if plain in _NO:
        return False
    if plain.startswith(("true", "yes", "on ", "full ac", "selective", "recompute")):
        return True
    return False if plain.startswith(("false", "no ", "off")) else None


def _first(entries: Mapping[str, Any], *names: str) -> Any:
    low = {k.strip().lower().replace(" ", "_"): v for k, v in entries.items() if k}
    return next((low[n] for n in names if low.get(n) not in (None, "")), "")


def gpu_gib(name: object) -> tuple[float, bool]:
    """Memory of a card as sold, and whether its name told; 24 GiB where it did not."""
    raw = str(name or "").lower()
    said = re.search(r"(\d{2,3})(?:gb|gib|g)\b", raw.replace(" ", ""))
    if said and 4 <= int(said.group(1)) <= 300:
        return float(said.group(1)), True
    plain = re.sub(r"[^a-z0-9]", "", raw)
    return next(((float(gib), True) for key, gib in GPU_GIB if key in plain), (24.0, False))


def _quantisation(weights: object, method: str, notes: str) -> str:
    text = str(weights or "").lower().replace("_", "-")
    if not text:
        return "nf4" if method == "qlora" else "none"
    is_double = "dq" in text or "double" in text
    is_double |= "double quant" in notes.lower() and "double_quant off" not in notes.lower()
    is_other_4bit = any(w in text for w in ("nvfp4", "mxfp4", "gptq", "awq"))
    if any(w in text for w in ("nf4", "fp4", "bnb-4", "4bit", "4-bit")) and not is_other_4bit:
        return "nf4-dq" if is_double else "nf4"
    if any(w in text for w in ("int8", "8bit", "8-bit", "int-8")):
        return "int8"
    return _rarer_quantisation(text)


def _rarer_quantisation(text: str) -> str:
    if "nvfp4" in text or "aqlm" in text:
        return "other"
    if any(w in text for w in ("gptq", "awq", "hqq", "int4", "q4", "marlin")):
        if any(w in text for w in ("3bit", "int3", "2bit", "int2")):
            return "other"
        return "int8" if "8" in text and "4" not in text else "int4"
    if "mxfp4" in text:
        return "int4"
    if "fp8" in text:
        return "fp8"
    rare = ("2bit", "2-bit", "int2", "3bit", "3-bit", "int3", "aqlm", "quip")
    return "other" if any(word in text for word in rare) else "none"


def _precision(text: object, default: str) -> str:
    plain = str(text or "").lower()
    if plain.startswith(("fp32", "float32")):
        return "fp32"
    words = {
        "bf16": ("bf16", "bfloat16"),
        "fp16": ("fp16", "float16", "half"),
        "fp32": ("fp32", "float32"),
    }
    for value, keys in words.items():
        if any(key in plain for key in keys):
            return value
    return default


def _optimizer(text: object) -> tuple[str, bool]:
    """Kind of optimizer, and whether it had to be assumed."""
    plain = re.sub(r"[_\- ]", "", str(text or "").lower())
    if plain in ("", "unknown", "none"):
        return "adamw", True
    if any(word in plain for word in ("lorafa", "badam", "lomo")):
        return "other", False
    is_8bit = "8bit" in plain or "int8" in plain
    if "paged" in plain and "adam" in plain:
        narrow = is_8bit or "32" not in plain
        return "paged_adamw_8bit" if narrow else "paged_adamw_32bit", False
    return _unpaged_optimizer(plain, is_8bit=is_8bit)


_OPTIMIZER_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("adafactor",), "adafactor", "adafactor"),
    (("lion",), "lion", "lion_8bit"),
    (("galore", "apollo"), "galore", "galore"),
    (("muon", "mezo", "lisa"), "other", "other"),
    (("sgdmoment",), "sgd_momentum", "sgd_momentum"),
    (("sgd",), "sgd", "sgd"),
    (("adamwfused", "fused"), "adamw_fused", "adamw_8bit"),
)
"""Words in an optimizer's name -> its kind, and its kind with 8-bit states."""


def _unpaged_optimizer(plain: str, *, is_8bit: bool) -> tuple[str, bool]:
    if "adam" in plain and is_8bit and "adafactor" not in plain:
        return "adamw_8bit", False
    if "sgd" in plain and "moment" in plain:
        return "sgd_momentum", False
    for words, kind, kind_8bit in _OPTIMIZER_WORDS:
        if any(word in plain for word in words) and (words[-1] != "fused" or "adam" in plain):
            return kind_8bit if is_8bit else kind, False
    return "adamw", "adam" not in plain


def _targets(text: object) -> tuple[list[str], str, bool]:
    """Adapted layers in Llama's words, their scope (qv, attn, all), and whether assumed."""
    plain = str(text or "").strip().lower()
    if not plain or plain.startswith(("unknown", "none", "n/a", "default")):
        return sorted(MODULES), "all", True
    plain = re.sub(r"\(.*?\)", " ", plain).strip() or plain
    named_all = plain.startswith(("all", "c_attn,c_proj,w1,w2"))
    if named_all or plain.replace("_", "-") in ALL_LINEAR:
        return sorted(MODULES), "all", False
    if plain in ALL_ATTENTION:
        return sorted(ATTENTION), "attn", False
    found: set[str] = set()
    for word in re.split(r"[\s,;+/|&]+", re.sub(r"[\[\]'\"()]", " ", plain)):
        found.update(ALIASES.get(word, ()))
    if not found:
        return sorted(MODULES), "all", True
    if found <= {"q_proj", "v_proj"}:
        return sorted(found), "qv", False
    return sorted(found), "attn" if found <= set(ATTENTION) else "all", False


def _strategy(text: object, gpus: int) -> tuple[str, bool]:
    """How work is split, and whether something waits in main memory."""
    plain = re.sub(r"[\-_ ]", "", str(text or "").lower())
    offload = "offload" in plain
    if "noshard" in plain:
        return "ddp" if gpus > 1 else "none", offload
    if gpus > 1 and any(word in plain for word in MIXED_STRATEGIES):
        return "other", offload
    if plain.startswith("single") and gpus <= 1:
        return next((z for z in ("zero2", "zero3") if z in plain), "none"), offload
    nothing = "none" if plain in ("", "none", "single", "singlegpu", "1gpu", "no") else "other"
    found = next((value for key, value in STRATEGIES if key in plain), nothing)
    alone = gpus <= 1 and found in ("ddp", "tp", "pp", "fsdp")
    return "none" if alone else found, offload


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


def _base_method(raw: str, quant: str, *, strict: bool) -> tuple[str, str, bool]:
    """full, lora or qlora; the base's quantisation; whether that had to be assumed.

    Raises ValueError for what is none of them, where `strict`.
    """
    name = raw.replace("_", "-")
    base = _family_of_method(name, raw, quant)
    if strict and any(w in name for w in ("dpo", "grpo", "ppo", "kto", "orpo", "reward")):
        raise ValueError(f"method {raw!r} is not supervised fine-tuning")
    if strict and "emb" in name:
        raise ValueError(f"method {raw!r} also trains the embeddings")
    if base is None:
        if strict:
            raise ValueError(f"method {raw!r} not an adapter or full fine-tune")
        base = "full" if name.startswith("full") else "lora"
    if base == "qlora" and quant == "none" and "8bit" in name.replace("-", ""):
        return "qlora", "int8", False
    if base == "qlora" and quant == "none":
        return "qlora", "nf4", True
    return "qlora" if base == "lora" and quant != "none" else base, quant, False


def _family_of_method(name: str, raw: str, quant: str) -> str | None:
    if name in FULL_NAMES:
        return "full"
    if "qlora" in name or "q-lora" in name or name.startswith("qdora"):
        return "qlora"
    if "lora" in name or name in LORA_KIN:
        return "qlora" if quant != "none" and raw == "qlora" else "lora"
    return None


def _length_kind(text: str) -> str:
    """exact: every micro-batch has it; longest: the peak is reached at it; cap; variable."""
    plain = text.lower()
    if re.fullmatch(r"~?\s*\d+", plain.strip()) or ("packed" in plain and not _unpacked(plain)):
        return "exact"
    if "longest" in plain or "truncated; data mean" in plain or plain.startswith("completion"):
        return "longest"
    return "variable" if "variable" in plain and not re.search(r"\d", plain) else "cap"


def _unpacked(plain: str) -> bool:
    return "unpacked" in plain or "or max" in plain


def architecture(row: Row, config: Row) -> tuple[str, Run]:
    """Family and shape of the model.

    Raises ValueError when the configuration lacks hidden size, layers or heads.
    """

    def size(*names: str) -> int | None:
        return whole(_first(config, *names))

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
        "tie": bool(flag(_first(config, "tie_embeddings", "tie_word_embeddings"))),
        "experts": experts,
        "topk": per_token,
        "moe_inter": size("moe_intermediate_size") or 0,
        "max_seq": size("max_position_embeddings", "max_seq_len") or 0,
    }
    arch["params"] = int(_parameters(row, config, arch, gated=family not in UNGATED))
    return family, arch


def _family(row: Row, config: Row) -> str:
    said = str(_first(config, "model_type", "family") or "").lower()
    text = said or str(row.get("model")).lower()
    return next((family for part, family in FAMILIES if part in text), "llama")


def _parameters(row: Row, config: Row, arch: Run, *, gated: bool) -> float:
    total = number(
        _first(config, "total_params", "total_parameters", "params", "num_params", "n_params")
    )
    if total is not None and total >= 1e6:
        return total
    if total and total < 2000:
        return total * 1e9
    billions = number(_first(config, "params_b")) or number(row.get("params_b"))
    if billions:
        return billions * 1e9
    hidden, head = arch["hidden"], arch["head_dim"]
    attention = 2 * hidden * (arch["heads"] + arch["kv"]) * head
    layer = attention + (3 if gated else 2) * hidden * arch["inter"] + 2 * hidden
    return float(arch["layers"] * layer + arch["vocab"] * hidden * (1 if arch["tie"] else 2))


def _checkpointing(row: Row, base: str, strategy: str, gpus: int) -> tuple[bool, bool]:
    text = str(row.get("grad_checkpointing") or "").lower()
    if "if fsdp" in text or text.startswith("yes (fsdp"):
        return strategy == "fsdp" or gpus > 1, False
    said = flag(text)
    if said is not None:
        return said, False
    framework = str(row.get("framework") or "").lower()
    usual = any(w in framework for w in ("unsloth", "factory", "torchtune", "qwen"))
    return (base == "qlora" or usual) and "litgpt" not in framework, True


def _attention(row: Row) -> tuple[str, bool]:
    text = str(row.get("attention") or "").lower()
    if any(w in text for w in ("eager", "math", "vanilla")) or text in ("standard", "naive"):
        return "eager", False
    if any(w in text for w in ("flash", "fa2", "xformers", "mem", "fa3", "unsloth")):
        return "flash", False
    return "sdpa", "sdpa" not in text


def _fused_loss(notes: str, framework: str, attention: str) -> str:
    """'' for logits in several passes, kernel for one pass over them, chunked for tiles."""
    words = (
        "liger", "fused-ce", "cut cross entropy", "unsloth", "chunked cross-entropy",
        "chunked ce", "foak",
    )  # fmt: skip
    texts = (notes, framework, attention)
    chunked = any(word in text for word in words for text in texts)
    chunked = chunked and "no packing/compile/chunked" not in notes
    steps = ("+ activation", "+ optimizer", "+ 8-bit", "lora instead", "qlora;")
    if "ablation" in notes and notes.startswith(steps):
        chunked = True  # a cumulative table: later steps keep the earlier one's chunked loss
    kernels = "framework_config=foak-fast-kernels;" in notes
    with_adapters = notes.startswith("framework_config=accelerated-peft") and "foak" in notes
    if kernels or (with_adapters and "foak-liger" not in notes):
        return "kernel"
    return "chunked" if chunked else ""


def _keeps_master(row: Row, strategy: str, gpus: int, notes: str) -> bool:
    """Whether trained 16-bit weights have a 32-bit copy: DeepSpeed, or accelerate's upcast."""
    upcast = re.search(r"mixed_precision flag=(bf16|fp16)", notes) is not None
    told = any("master" in str(row.get(c) or "").lower() for c in ("optimizer", "weights_dtype"))
    deepspeed = "zero" in str(row.get("parallelism") or "").lower()
    deepspeed |= "deepspeed" in str(row.get("framework") or "").lower()
    return (strategy == "fsdp" and gpus > 1 and upcast) or told or deepspeed


def normalize(row: Row, configs: Mapping[str, Row], *, strict: bool = True) -> Run:
    """One description of the run.

    Raises ValueError when the row cannot be described; unless `strict`, methods and objectives
    that the harness does not hand to its contestants are described too.
    """
    assumed: list[str] = []
    raw, notes = str(row.get("method") or "").strip().lower(), str(row.get("notes") or "")
    base, quant, guessed = _base_method(
        raw, _quantisation(row.get("weights_dtype"), raw, notes), strict=strict
    )
    assumed += ["quant"] if guessed else []
    run: Run = {"model": row.get("model"), "method": base, "raw_method": raw, "quant": quant}
    run["approx_method"] = raw not in EXACT_METHODS
    run |= _batch(row, assumed)
    gpus = whole(row.get("num_gpus")) or 1
    if number(row.get("num_gpus")) is None and str(row.get("num_gpus") or "").strip():
        assumed.append("num_gpus")
    run["num_gpus"] = gpus
    run["parallel"], run["offload"] = _strategy(row.get("parallelism"), gpus)
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
        _length_kind(text),
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
    checkpointing, guessed = _checkpointing(row, run["method"], run["parallel"], run["num_gpus"])
    assumed += ["grad_checkpointing"] if guessed else []
    attention, guessed = _attention(row)
    assumed += ["attention"] if guessed else []
    optimizer, guessed = _optimizer(row.get("optimizer"))
    assumed += ["optimizer"] if guessed else []
    compute = _precision(row.get("compute_dtype"), _precision(row.get("weights_dtype"), "bf16"))
    quant = run["quant"]
    fused = _fused_loss(notes, framework, attention_text)
    gib, known = gpu_gib(row.get("gpu"))
    is_full = run["method"] == "full"
    return {
        "gc": checkpointing,
        "attn": attention,
        "optimizer": optimizer,
        "compute": compute,
        "weights": _precision(row.get("weights_dtype"), compute) if quant == "none" else quant,
        "gpu": row.get("gpu") or "",
        "gpu_gib": gib,
        "gpu_known": known,
        "framework": framework,
        "mem_kind": str(row.get("mem_kind") or "").lower(),
        "liger": any("liger" in text for text in (framework, attention_text, notes)),
        "fused_loss": bool(fused),
        "fused_kind": fused,
        "master": is_full and _keeps_master(row, run["parallel"], run["num_gpus"], notes),
        "act_offload": "offload" in str(row.get("grad_checkpointing") or "").lower(),
        "in_backward": "in-backward" in str(row.get("optimizer") or "").lower(),
    }


def _adapter(row: Row, base: str, assumed: list[str]) -> Run:
    if base == "full":
        return {"rank": None, "targets": [], "scope": ""}
    rank = whole(row.get("rank"))
    if not rank:
        assumed.append("rank")
    targets, scope, guessed = _targets(row.get("target_modules"))
    assumed += ["targets"] if guessed else []
    return {"rank": rank or 16, "targets": targets, "scope": scope}


def tier_of(mem_kind: object) -> str:
    """What a published figure counts: allocated, reserved, device or unknown."""
    text = str(mem_kind or "").lower()
    if "alloc" in text:
        return "allocated"
    if "reserv" in text:
        return "reserved"
    words = ("smi", "nvml", "device", "process", "wandb", "driver", "nvidia")
    return "device" if any(word in text for word in words) else "unknown"
