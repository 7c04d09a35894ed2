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
    "lora": {},
    "dora": {},
    "vera": {},
    "loha": {},
    "lokr": {},
    "lokr both": {"decompose_both": True},
    "lokr factor": {"decompose_factor": 4},
    "ia3": {},
    "oft": {},
    "oft uneven": {"block_size": 20},
    "boft": {},
    "boft wide": {"block_size": 8},
}


def trained(model) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("rank", [4, 64])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("case", sorted(LINEAR_METHODS))
def test_adapters_of_linear_layers(family, plan_of, case, place, rank):
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
    options = LINEAR_METHODS[case]
    plan = plan_of(method, rank=rank, target_modules=targets, method_options=options)
    model = registry.method(method).apply(family.build(), plan).model
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
    if method == "prefix" and family.name == "deepseek_v3":
        pytest.skip("PEFT's prefix does not fit latent attention")
    plan = plan_of(method, method_options=options)
    model = registry.method(method).apply(family.build(), plan).model
    told = registry.method(method).footprint(plan, family.card)
    assert told.trainable_parameters == trained(model)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("full", {}),
        ("freeze", {"layers": 2}),
        ("llama_pro", {"blocks": 2}),
        ("llama_pro", {"blocks": 3}),
        ("adapter", {"bottleneck": 7}),
        ("adapter", {"bottleneck": 7, "per_layer": 2}),
    ],
)
def test_weights_of_the_models_own_and_bottlenecks(family, plan_of, method, options):
    if method == "llama_pro" and family.name in MIXTURES:
        pytest.skip("fused experts have no last matrix to silence")
    if family.name == "opt" and options.get("per_layer") == 2:
        pytest.skip("OPT has no feed-forward module")
    plan = plan_of(method, method_options=options)
    model = registry.method(method).apply(family.build(), plan).model
    told = registry.method(method).footprint(plan, family.card)
    assert told.trainable_parameters == trained(model)
