"""A merged model computes what the adapter on its base computes, or is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import ModelFolderError, PlanError
from tests.fixtures.tiny_llama import edit_json
from tests.trainers.exporting.tuned import logits, opened, peft_adapter, tuned_by

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

CLOSE = 2e-5
"""Largest difference of logits in float32; those of the tiny model reach about 1."""
SLOW = pytest.mark.slow


def merged(folder: Path, **settings: Any) -> Any:
    from trainers.exporting._merging import merged_model

    return merged_model(folder, method=registry.method, **settings)[0]


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("lora", {}),
        ("lora", {"method_options": {"rslora": True}}),
        ("dora", {}),
        pytest.param("loha", {}, marks=SLOW),
        pytest.param("lokr", {}, marks=SLOW),
        pytest.param("ia3", {}, marks=SLOW),
        ("vera", {}),
        ("oft", {}),
        pytest.param("boft", {}, marks=SLOW),
    ],
)
def test_every_method_that_can_be_merged_computes_the_same(
    tiny_llama: str, tmp_path: Path, method: str, changes: dict[str, Any]
):
    adapted = tuned_by(method, tiny_llama, tmp_path / "tuned", **changes)
    whole = merged(tmp_path / "tuned")
    assert (logits(whole) - logits(opened(tiny_llama))).abs().max() > 100 * CLOSE
    assert (logits(whole) - logits(adapted)).abs().max() < CLOSE
    assert not [name for name, _ in whole.named_parameters() if "lora" in name or "base" in name]


@pytest.mark.parametrize(
    ("settings", "is_one"),
    [
        pytest.param({"target_modules": ["q_proj", "embed_tokens"]}, False, marks=SLOW),
        ({"target_modules": ["q_proj", "lm_head"]}, False),
        pytest.param(
            {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}, False, marks=SLOW
        ),
        ({"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]}, False),
        ({"target_modules": ["q_proj"], "trainable_token_indices": [3, 4, 5]}, True),
        ({"target_modules": ["q_proj", "embed_tokens"], "ensure_weight_tying": True}, True),
        pytest.param({"target_modules": ["q_proj"], "bias": "all"}, True, marks=SLOW),
        ({"target_modules": ["q_proj"], "use_dora": True, "use_rslora": True}, True),
    ],
)
def test_one_table_for_embeddings_and_head_is_parted_only_where_it_must_be(
    tiny_llama: str, tmp_path: Path, settings: dict[str, Any], *, is_one: bool
):
    adapted = peft_adapter(tiny_llama, tmp_path / "tuned", **settings)
    whole = merged(tmp_path / "tuned")
    assert (logits(whole) - logits(adapted)).abs().max() < CLOSE
    whole.save_pretrained(tmp_path / "whole")
    again = opened(str(tmp_path / "whole"))
    assert (logits(again) - logits(adapted)).abs().max() < CLOSE
    assert again.config.tie_word_embeddings is is_one
    assert (again.lm_head.weight is again.model.embed_tokens.weight) is is_one


def test_tokens_that_were_added_before_training_are_kept(tiny_llama: str, tmp_path: Path):
    from peft import LoraConfig, get_peft_model

    from tests.trainers.exporting.tuned import stirred

    base = opened(tiny_llama)
    base.resize_token_embeddings(base.config.vocab_size + 3, mean_resizing=False)
    config = LoraConfig(target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])
    adapted = stirred(get_peft_model(base, config))
    adapted.save_pretrained(str(tmp_path / "tuned"))
    edit_json(tmp_path / "tuned" / "adapter_config.json", base_model_name_or_path=tiny_llama)
    whole = merged(tmp_path / "tuned")
    assert whole.config.vocab_size == base.config.vocab_size
    assert (logits(whole) - logits(adapted)).abs().max() < CLOSE


def test_an_adapter_on_an_adapter_is_merged_down_to_the_model(tiny_llama: str, tmp_path: Path):
    tuned_by("lora", tiny_llama, tmp_path / "first")
    second = tuned_by("dora", str(tmp_path / "first"), tmp_path / "second")
    assert (logits(merged(tmp_path / "second")) - logits(second)).abs().max() < CLOSE


@pytest.mark.parametrize("method", ["prefix", "prompt", "p_tuning", "adapter"])
def test_what_is_no_change_of_weights_is_refused(tiny_llama: str, tmp_path: Path, method: str):
    tuned_by(method, tiny_llama, tmp_path / "tuned")
    with pytest.raises(PlanError, match="merge") as told:
        merged(tmp_path / "tuned")
    assert "lora" in str(told.value.hint)


def test_an_activated_lora_is_refused(tiny_llama: str, tmp_path: Path):
    peft_adapter(tiny_llama, tmp_path / "t", target_modules=["q_proj"], alora_invocation_tokens=[7])
    with pytest.raises(PlanError, match="activated LoRA"):
        merged(tmp_path / "t")


def test_a_base_in_few_bits_trains_and_the_unpacked_one_is_merged(tiny_llama: str, tmp_path: Path):
    import torch

    bits = {"base_bits": 4, "quantisation": "nf4"}
    packed = tuned_by("qlora", tiny_llama, tmp_path / "tuned", **bits)
    whole = merged(tmp_path / "tuned")
    assert {one.dtype for one in whole.parameters()} == {torch.float32}
    assert type(whole.model.layers[0].self_attn.q_proj) is torch.nn.Linear
    assert not hasattr(whole.config, "quantization_config")
    unpacked = _on_unpacked(tiny_llama, tmp_path / "tuned")
    assert (logits(whole) - unpacked).abs().max() < CLOSE
    into_packed = packed.merge_and_unload()
    assert (logits(into_packed) - unpacked).abs().max() > 1000 * CLOSE


def _on_unpacked(base: str, folder: Path) -> Any:
    from peft import PeftModel

    return logits(PeftModel.from_pretrained(opened(base), str(folder)).eval())


def test_a_layer_is_rounded_once_into_the_checkpoints_own_precision(
    tiny_llama: str, tmp_path: Path
):
    import torch
    from peft import PeftModel

    half = tmp_path / "half"
    opened(tiny_llama).to(torch.bfloat16).save_pretrained(half)
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(half)
    tuned_by("lora", str(half), tmp_path / "tuned", precision="bfloat16", base_bits=16)
    whole = merged(tmp_path / "tuned")
    exact = PeftModel.from_pretrained(
        opened(str(half), dtype=torch.float32), str(tmp_path / "tuned")
    ).merge_and_unload()
    for name, one in exact.named_parameters():
        assert torch.equal(whole.get_parameter(name), one.to(torch.bfloat16)), name
    assert merged(tmp_path / "tuned", dtype="float32").dtype == torch.float32


def test_a_base_that_only_exists_packed_is_refused(tiny_llama: str, tmp_path: Path):
    import shutil

    shutil.copytree(tiny_llama, tmp_path / "packed")
    tuned_by("lora", str(tmp_path / "packed"), tmp_path / "tuned")
    edit_json(tmp_path / "packed" / "config.json", quantization_config={"quant_method": "gptq"})
    with pytest.raises(ModelFolderError, match=r"packed \(gptq\)") as told:
        merged(tmp_path / "tuned")
    assert "base_model_name_or_path" in told.value.hint


def test_another_base_is_refused_and_one_that_is_gone(tiny_llama: str, tmp_path: Path):
    tuned_by("lora", tiny_llama, tmp_path / "tuned")
    edit_json(tmp_path / "tuned" / "base.json", base_digest="0" * 16)
    with pytest.raises(ModelFolderError, match="another base"):
        merged(tmp_path / "tuned")
    edit_json(tmp_path / "tuned" / "adapter_config.json", base_model_name_or_path="/no/where")
    with pytest.raises(
        ModelFolderError, match="'/no/where' is not at hand: there is no such folder"
    ):
        merged(tmp_path / "tuned")


def test_numbers_that_a_precision_cannot_hold_are_refused(tiny_llama: str, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    tuned_by("lora", tiny_llama, tmp_path / "tuned")
    file = tmp_path / "tuned" / "adapter_model.safetensors"
    save_file({name: one * 1000 for name, one in load_file(file).items()}, file)
    with pytest.raises(PlanError, match="float16 cannot"):
        merged(tmp_path / "tuned", dtype="float16")


def test_a_reward_model_is_refused(tiny_llama: str, tmp_path: Path):
    tuned_by("lora", tiny_llama, tmp_path / "tuned")
    edit_json(tmp_path / "tuned" / "adapter_config.json", task_type="SEQ_CLS")
    with pytest.raises(PlanError, match="gives scores"):
        merged(tmp_path / "tuned")


def test_adapters_that_name_each_other_are_told(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(tmp_path)})
    )
    with pytest.raises(ModelFolderError, match="name each other"):
        merged(tmp_path)


def test_an_adapter_without_weights_is_told(tiny_llama: str, tmp_path: Path):
    told = {"peft_type": "LORA", "base_model_name_or_path": tiny_llama}
    (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    with pytest.raises(ModelFolderError, match=r"adapter_model\.safetensors is not there"):
        merged(tmp_path)


@pytest.mark.parametrize("text", ["[]", '"no"', "3", "{"])
def test_settings_that_are_no_object_are_told(tmp_path: Path, text: str):
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(ModelFolderError, match=r"adapter_config\.json cannot be read"):
        merged(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"a": []},
        {"a": {"dtype": "F32", "shape": [1]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": 4}},
        {"a": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}},
        {"a": {"dtype": [], "shape": [1], "data_offsets": [0, 4]}},
    ],
)
def test_a_broken_header_is_told(tmp_path: Path, header: Any):
    from trainers.exporting.origins import header_of

    text = json.dumps(header).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(ModelFolderError, match="header is broken"):
        header_of(file)
