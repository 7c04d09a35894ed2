"""What a method makes of a model beyond the count: starts, scales, rates, precisions, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from tests.fixtures.training import training_plan

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def base(tiny_llama: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_llama)


def plan(tiny_llama: str, method: str, **changes: Any) -> Plan:
    return training_plan(tiny_llama, method, **{"dropout": 0.0, "rank": 4} | changes)


def ids() -> Any:
    import torch

    return torch.tensor([[5, 60, 70, 80, 90, 100]])


@pytest.mark.parametrize("options", [{}, {"rslora": True}])
@pytest.mark.parametrize("init", ["pissa", "olora", "pissa_niter_4"])
def test_a_start_out_of_the_base_is_saved_for_the_untouched_base(
    base: Any, tiny_llama: str, tmp_path: Path, init: str, options: dict
):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    method = registry.method("lora")
    wanted = plan(tiny_llama, "lora", method_options={"init": init, **options}, alpha=12)
    before = base(ids()).logits.detach()
    model = method.apply(base, wanted).model.eval()
    assert torch.allclose(model(ids()).logits, before, atol=1e-5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    method.keep(model, tmp_path)
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), tmp_path)
    assert torch.allclose(again(ids()).logits, model(ids()).logits, atol=2e-5)
    assert not torch.allclose(again(ids()).logits, before, atol=1e-2)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["r"] == 8


def test_lora_plus_is_a_rate_of_the_second_matrix(base: Any, tiny_llama: str):
    wanted = plan(tiny_llama, "lora", method_options={"lora_plus": 16})
    assert registry.method("lora").apply(base, wanted).rates == {"lora_B": 16.0}


def test_every_field_of_the_plan_arrives(base: Any, tiny_llama: str):
    wanted = plan(
        tiny_llama,
        "lora",
        rank=8,
        alpha=3,
        dropout=0.25,
        target_modules="q_proj, v_proj",
        method_options={"rslora": True, "init": "gaussian"},
    )
    config = registry.method("lora").apply(base, wanted).model.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (8, 3, 0.25)
    assert set(config.target_modules) == {"q_proj", "v_proj"}
    assert config.use_rslora is True
    assert config.init_lora_weights == "gaussian"


def test_dora_splits_off_magnitudes(base: Any, tiny_llama: str):
    model = registry.method("dora").apply(base, plan(tiny_llama, "dora")).model
    assert any("lora_magnitude_vector" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize(("precision", "told"), [(None, "float32"), ("bfloat16", "bfloat16")])
@pytest.mark.parametrize("method", ["lora", "ia3", "adapter", "prompt"])
def test_adapters_have_the_planned_precision(
    tiny_llama: str, method: str, precision: str | None, told: str
):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.bfloat16)
    wanted = plan(tiny_llama, method, precision="bfloat16", trained_precision=precision)
    model = registry.method(method).apply(model, wanted).model
    trained = {str(p.dtype) for p in model.parameters() if p.requires_grad}
    assert trained == {f"torch.{told}"}


@pytest.mark.parametrize("options", [{}, {"per_layer": 2}])
def test_a_bottleneck_begins_as_nothing(base: Any, tiny_llama: str, options: dict):
    import torch

    before = base(ids()).logits.detach()
    wanted = plan(tiny_llama, "adapter", method_options={"bottleneck": 8, **options})
    model = registry.method("adapter").apply(base, wanted).model
    assert torch.equal(model(ids()).logits, before)


def test_new_blocks_begin_as_nothing_and_are_opened_by_anyone(
    base: Any, tiny_llama: str, tmp_path: Path
):
    import torch
    from transformers import AutoModelForCausalLM

    before = base(ids()).logits.detach()
    wanted = plan(tiny_llama, "llama_pro", rank=None, method_options={"blocks": 2})
    model = registry.method("llama_pro").apply(base, wanted).model
    assert torch.equal(model(ids()).logits, before)
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.config.num_hidden_layers == 4
    assert torch.equal(
        again.generate(ids(), max_new_tokens=6), model.generate(ids(), max_new_tokens=6)
    )


def test_the_backward_pass_stops_below_frozen_layers_also_with_checkpointing(
    base: Any, tiny_llama: str
):
    wanted = plan(tiny_llama, "freeze", rank=None, method_options={"layers": 1})
    model = registry.method("freeze").apply(base, wanted).model.train()
    model.activation_checkpointing_enable()
    reached: list[str] = []
    for place, layer in enumerate(model.model.layers):
        layer.register_full_backward_hook(lambda *_, place=place: reached.append(str(place)))
    model(input_ids=ids()).logits.square().mean().backward()
    assert "1" in reached
    assert "0" not in reached


@pytest.mark.parametrize(
    ("method", "changes", "words"),
    [
        ("lora", {"method_options": {"init": "eva"}}, "'init' is 'eva'"),
        ("lora", {"method_options": {"lora_plus": 0}}, "'lora_plus' is 0"),
        ("lora", {"method_options": {"rslora": "yes"}}, "'rslora' is 'yes'"),
        ("lora", {"method_options": {"init": "orthogonal"}, "rank": 3}, "to be even"),
        ("qlora", {"method_options": {"init": "pissa"}}, "packed base"),
        ("adapter", {"method_options": {"per_layer": 3}}, "'per_layer' is 3"),
        ("freeze", {"method_options": {"layers": 3}}, "has 2 layers, not 3"),
        ("freeze", {"method_options": {"head": True}}, "is its embedding table"),
        ("full", {"method_options": {"in_backward": True}}, "not trained"),
        ("prefix", {"gradient_checkpointing": True}, "gradient checkpointing"),
        ("prompt", {"packing": True}, "each packed sample"),
        ("prompt", {"objective": "reward"}, "last token"),
        ("boft", {"method_options": {"block_size": 7}}, "boft|block"),
    ],
)
def test_what_cannot_be_is_told(base: Any, tiny_llama: str, method: str, changes: dict, words: str):
    with pytest.raises(PlanError, match=words):
        registry.method(method).apply(base, plan(tiny_llama, method, **changes))


@pytest.mark.parametrize("method", ["full", "freeze", "llama_pro", "adapter"])
def test_packed_weights_are_not_trained(tiny_llama: str, method: str):
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    packed = AutoModelForCausalLM.from_pretrained(
        tiny_llama, quantization_config=BitsAndBytesConfig(load_in_4bit=True)
    )
    with pytest.raises(PlanError, match="packed"):
        registry.method(method).apply(packed, plan(tiny_llama, method, rank=None))
