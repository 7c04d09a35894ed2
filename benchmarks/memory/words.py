"""The words that published tables use, as data: modules, families, cards and ways to split work."""

from __future__ import annotations

HIDDEN = frozenset(
    {
        "peak_mem_gb", "speed_value", "speed_unit", "notes", "source", "source_key", "id",
        "quality", "unit", "peak_gib", "peak_alloc_gib", "peak_reserved_gib", "nvidia_smi_gib",
        "alloc_gib", "reserved_gib", "process_gib", "fitted_by",
    }
)  # fmt: skip
"""Columns that hold the answer, or text that may quote it."""

GPU_GIB: tuple[tuple[str, float], ...] = (
    ("b200", 192), ("h200", 141), ("gh200", 96), ("h100nvl", 94), ("h100", 80), ("h800", 80),
    ("h20", 96), ("a10080", 80), ("a100sxm480", 80), ("a100pcie80", 80), ("a80080", 80),
    ("a800", 80), ("a10040", 40), ("a100sxm440", 40), ("a100", 80), ("a6000", 48),
    ("6000ada", 48), ("l40s", 48), ("l40", 48), ("a40", 48), ("a5000", 24), ("a4000", 16),
    ("rtx8000", 48), ("titanrtx", 24), ("a10g", 24), ("a10", 24), ("l4", 24), ("t4", 16),
    ("v10032", 32), ("v100", 16), ("p100", 16), ("p40", 24), ("mi300", 192), ("mi250", 64),
    ("mi210", 64), ("5090", 32), ("5080", 16), ("5070ti", 16), ("5070", 12), ("4090", 24),
    ("4080", 16), ("4070ti", 12), ("4070", 12), ("4060ti", 16), ("4060", 8), ("3090", 24),
    ("3080ti", 12), ("3080", 10), ("3070", 8), ("3060", 12), ("2080ti", 11), ("2080", 8),
    ("2070", 8), ("2060", 6), ("1080ti", 11), ("1080", 8), ("1070", 8), ("1060", 6),
)  # fmt: skip
"""Part of a card's name, without spaces -> GiB as sold; the first that occurs counts."""

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
MODULES = frozenset({*ATTENTION, *FEED_FORWARD})
ALIASES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in MODULES},
    **dict.fromkeys(("q", "query", "wq"), ("q_proj",)),
    **dict.fromkeys(("k", "key", "wk"), ("k_proj",)),
    **dict.fromkeys(("v", "value", "wv"), ("v_proj",)),
    **dict.fromkeys(("o", "out_proj", "output", "output_proj", "dense", "wo"), ("o_proj",)),
    **dict.fromkeys(("gate", "w1"), ("gate_proj",)),
    **dict.fromkeys(("up", "w3", "fc1", "dense_h_to_4h", "c_fc"), ("up_proj",)),
    **dict.fromkeys(("down", "w2", "fc2", "dense_4h_to_h"), ("down_proj",)),
    **dict.fromkeys(
        ("qkv_proj", "query_key_value", "qkv", "c_attn", "w_pack", "wqkv"), ATTENTION[:3]
    ),
    **dict.fromkeys(("self_attn", "attn"), ATTENTION),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "mlp": FEED_FORWARD,
    "c_proj": ("o_proj", "down_proj"),
}
"""A module's name in any stack -> the linear layers it means in Llama's words."""
ALL_LINEAR = frozenset(
    {
        "all", "all-linear", "alllinear", "all linear", "full", "attn+mlp", "attention+mlp",
        "attn,mlp", "linear", "all-modules", "all linear layers",
    }
)  # fmt: skip
ALL_ATTENTION = frozenset(
    {"attention", "attn", "attention-only", "attn-all", "attention_all", "qkvo"}
)

FAMILIES: tuple[tuple[str, str], ...] = (
    ("mixtral", "mixtral"), ("qwen3", "qwen3"), ("qwen2.5", "qwen2"), ("qwen2", "qwen2"),
    ("qwen1.5", "qwen2"), ("qwen", "qwen2"), ("deepseek", "llama"), ("llama", "llama"),
    ("vicuna", "llama"), ("alpaca", "llama"), ("yi-", "llama"), ("mistral", "mistral"),
    ("zephyr", "mistral"), ("solar", "llama"), ("gemma-3", "gemma3"), ("gemma3", "gemma3"),
    ("gemma-2", "gemma2"), ("gemma2", "gemma2"), ("gemma", "gemma"), ("phi-3", "phi3"),
    ("phi3", "phi3"), ("phi-4", "phi3"), ("phi4", "phi3"), ("phi", "phi"),
    ("stablelm-base-alpha", "gpt_neox"), ("stablelm", "llama"), ("pythia", "gpt_neox"),
    ("neox", "gpt_neox"), ("dolly", "gpt_neox"), ("falcon", "falcon"), ("opt-", "opt"),
    ("bloom", "bloom"), ("gpt2", "gpt2"), ("gpt-2", "gpt2"), ("internlm", "llama"),
    ("baichuan", "llama"), ("chatglm", "llama"), ("glm", "llama"), ("smollm", "llama"),
    ("olmo", "llama"), ("granite", "llama"), ("gpt-oss", "gpt_oss"),
)  # fmt: skip
UNGATED = frozenset({"phi", "gpt_neox", "falcon", "opt", "bloom", "gpt2"})

STRATEGIES: tuple[tuple[str, str], ...] = (
    ("zero3", "zero3"), ("zerostage3", "zero3"), ("stage3", "zero3"), ("z3", "zero3"),
    ("zero2", "zero2"), ("stage2", "zero2"), ("z2", "zero2"), ("zero1", "zero1"),
    ("shardgradop", "zero2"), ("fsdp", "fsdp"), ("fullshard", "fsdp"), ("ddp", "ddp"),
    ("dataparallel", "ddp"), ("dp", "ddp"), ("tensor", "tp"), ("tp", "tp"), ("pipeline", "pp"),
    ("devicemap", "pp"), ("modelparallel", "pp"), ("mp", "pp"),
)  # fmt: skip
MIXED_STRATEGIES = (
    "megatron", "expertparallel", "cp8", "cp4", "cp2", "xcp", "sequenceparallel",
    "ddp2xdevicemap", "hybrid",
)  # fmt: skip
FULL_NAMES = frozenset(
    {
        "full", "fft", "full-ft", "full-finetune", "full-finetuning", "full-parameter", "sft",
        "pretrain",
    }
)  # fmt: skip
LORA_KIN = frozenset(
    {
        "dora", "rslora", "pissa", "olora", "loftq", "vera", "adalora", "lokr", "loha", "ia3",
        "peft",
    }
)  # fmt: skip
EXACT_METHODS = frozenset(
    {"full", "fft", "lora", "qlora", "full-ft", "qlora-gptq", "lora-8bit", "qlora-8bit"}
)
