"""Trained parameters equal PEFT's own count, method by method and family by family."""

from __future__ import annotations

import pytest

from advisor import registry

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

TARGETS = {
    "llama": ("all-linear", "q_proj,v_proj", "down_proj"),
    "qwen2": ("all-linear", "q_proj,v_proj", "down_proj"),
    "gemma2": ("all-linear", "q_proj,v_proj", "down_proj"),
    "phi3": ("all-linear", "qkv_proj", "down_proj"),
    "gpt2": ("all-linear", "c_attn", "mlp.c_proj"),
    "opt": ("all-linear", "q_proj,v_proj", "fc2"),
    "qwen3_moe": ("all-linear", "q_proj,v_proj", "o_proj"),
    "qwen2_moe": ("all-linear",),
    "mixtral": ("all-linear",),
    "deepseek_v3": ("all-linear",),
}
NO_CONV1D = {"loha", "lokr", "oft", "boft"}
"""PEFT does not put these on GPT-2's transposed linear layers."""
MIXTURES = {"mixtral", "qwen2_moe", "qwen3_moe", "deepseek_v3"}
LINEAR_METHODS = {
    "lora": ({}, {}),
    "dora": ({}, {}),
    "vera": ({}, {}),
    "loha": ({}, {}),
    "lokr": ({}, {}),
    "lokr both": ({"decompose_both": True}, {"decompose_both": True}),
    "lokr factor": ({"decompose_factor": 4}, {"decompose_factor": 4}),
    "ia3": ({}, {}),
    "oft": ({}, {"oft_block_size": 32}),
    "oft uneven": ({"block_size": 20}, {"oft_block_size": 20}),
    "boft": ({}, {"boft_block_size": 4, "boft_block_num": 0}),
    "boft wide": ({"block_size": 8}, {"boft_block_size": 8, "boft_block_num": 0}),
}


def config_of(method: str, targets: str, rank: int, extra: dict):
    import peft

    modules = targets if targets == "all-linear" else targets.split(",")
    common = {"target_modules": modules, "task_type": "CAUSAL_LM", **extra}
    made = {
        "lora": lambda: peft.LoraConfig(r=rank, **common),
        "dora": lambda: peft.LoraConfig(r=rank, use_dora=True, **common),
        "vera": lambda: peft.VeraConfig(r=rank, **common),
        "loha": lambda: peft.LoHaConfig(r=rank, **common),
        "lokr": lambda: peft.LoKrConfig(r=rank, **common),
        "ia3": lambda: peft.IA3Config(**common),
        "oft": lambda: peft.OFTConfig(**common),
        "boft": lambda: peft.BOFTConfig(**common),
    }
    return made[method]()


def trained(model) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("rank", [4, 64])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("case", sorted(LINEAR_METHODS))
def test_adapters_of_linear_layers(family, plan_of, case, place, rank):
    peft = pytest.importorskip("peft")
    method = case.split()[0]
    if place >= len(TARGETS[family.name]):
        pytest.skip("tried with all layers only")
    targets = TARGETS[family.name][place]
    if family.name in MIXTURES and len(TARGETS[family.name]) == 1 and method != "lora":
        pytest.skip("tried with LoRA only")
    if family.name == "gpt2" and method in NO_CONV1D:
        pytest.skip("PEFT cannot")
    if method in {"ia3", "oft", "boft"} and rank != 4:
        pytest.skip("has no rank")
    if family.name in MIXTURES and method == "dora" and targets == "all-linear":
        pytest.skip("PEFT refuses")
    options, extra = LINEAR_METHODS[case]
    if method == "ia3" and family.name in {"phi3", "qwen3_moe"}:
        extra = {
            "feedforward_modules": ["down_proj"]
            if family.name == "phi3" and targets != "qkv_proj"
            else []
        }
    model = peft.get_peft_model(family.build(), config_of(method, targets, rank, extra))
    plan = plan_of(method, rank=rank, target_modules=targets, method_options=options)
    told = registry.method(method).footprint(plan, family.card)
    assert told.trainable_parameters == trained(model)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("prompt", {"virtual_tokens": 12}),
        ("p_tuning", {"virtual_tokens": 12}),
        ("p_tuning", {"virtual_tokens": 5, "encoder_size": 40}),
        ("prefix", {"virtual_tokens": 12}),
        ("prefix", {"virtual_tokens": 5, "projection": True, "encoder_size": 40}),
    ],
)
def test_trained_tokens(family, plan_of, method, options):
    peft = pytest.importorskip("peft")
    if method == "prefix" and family.name == "deepseek_v3":
        pytest.skip("PEFT's prefix does not fit latent attention")
    kind = {
        "prompt": peft.PromptTuningConfig,
        "p_tuning": peft.PromptEncoderConfig,
        "prefix": peft.PrefixTuningConfig,
    }[method]
    names = {
        "virtual_tokens": "num_virtual_tokens",
        "encoder_size": "encoder_hidden_size",
        "projection": "prefix_projection",
    }
    config = kind(task_type="CAUSAL_LM", **{names[key]: value for key, value in options.items()})
    model = peft.get_peft_model(family.build(), config)
    told = registry.method(method).footprint(plan_of(method, method_options=options), family.card)
    assert told.trainable_parameters == trained(model)
