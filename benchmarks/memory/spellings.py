"""What the words of published tables mean: methods, precisions, optimizers, ways to split work."""

from __future__ import annotations

import re

from benchmarks.memory.cells import Row, flag
from benchmarks.memory.words import (
    ALIASES,
    ALL_ATTENTION,
    ALL_LINEAR,
    ATTENTION,
    FULL_NAMES,
    LORA_KIN,
    MIXED_STRATEGIES,
    MODULES,
    STRATEGIES,
)


def base_method(raw: str, quant: str, *, strict: bool) -> tuple[str, str, bool]:
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


def quantisation_of(weights: object, method: str, notes: str) -> str:
    """How the base is packed: none, nf4, nf4-dq, int4, int8, fp8 or other."""
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


def precision_of(text: object, default: str) -> str:
    """bf16, fp16 or fp32; `default` where the cell names none."""
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


def optimizer_of(text: object) -> tuple[str, bool]:
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


def targets_of(text: object) -> tuple[list[str], str, bool]:
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


def strategy_of(text: object, gpus: int) -> tuple[str, bool]:
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


def length_kind(text: str) -> str:
    """exact: every micro-batch has it; longest: the peak is reached at it; cap; variable."""
    plain = text.lower()
    if re.fullmatch(r"~?\s*\d+", plain.strip()) or ("packed" in plain and not _unpacked(plain)):
        return "exact"
    if "longest" in plain or "truncated; data mean" in plain or plain.startswith("completion"):
        return "longest"
    return "variable" if "variable" in plain and not re.search(r"\d", plain) else "cap"


def _unpacked(plain: str) -> bool:
    return "unpacked" in plain or "or max" in plain


def checkpointing_of(row: Row, base: str, strategy: str, gpus: int) -> tuple[bool, bool]:
    """Whether layers are recomputed, and whether that had to be assumed."""
    text = str(row.get("grad_checkpointing") or "").lower()
    if "if fsdp" in text or text.startswith("yes (fsdp"):
        return strategy == "fsdp" or gpus > 1, False
    said = flag(text)
    if said is not None:
        return said, False
    framework = str(row.get("framework") or "").lower()
    usual = any(w in framework for w in ("unsloth", "factory", "torchtune", "qwen"))
    return (base == "qlora" or usual) and "litgpt" not in framework, True


def attention_of(row: Row) -> tuple[str, bool]:
    """eager, sdpa or flash, and whether it had to be assumed."""
    text = str(row.get("attention") or "").lower()
    if any(w in text for w in ("eager", "math", "vanilla")) or text in ("standard", "naive"):
        return "eager", False
    if any(w in text for w in ("flash", "fa2", "xformers", "mem", "fa3", "unsloth")):
        return "flash", False
    return "sdpa", "sdpa" not in text


def fused_loss(notes: str, framework: str, attention: str) -> str:
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


def keeps_master(row: Row, strategy: str, gpus: int, notes: str) -> bool:
    """Whether trained 16-bit weights have a 32-bit copy: DeepSpeed, or accelerate's upcast."""
    upcast = re.search(r"mixed_precision flag=(bf16|fp16)", notes) is not None
    told = any("master" in str(row.get(c) or "").lower() for c in ("optimizer", "weights_dtype"))
    deepspeed = "zero" in str(row.get("parallelism") or "").lower()
    deepspeed |= "deepspeed" in str(row.get("framework") or "").lower()
    return (strategy == "fsdp" and gpus > 1 and upcast) or told or deepspeed
