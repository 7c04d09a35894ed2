"""Keys that mean something else in another tool, or change what is learned: read right, or told."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import PlanError
from advisor.plan_file.composing import PlanFile
from advisor.plan_file.reading import read_plan

AXOLOTL = "base_model: org/some-8b\nsequence_len: 2048\n"


def read(tmp_path: Path, text: str, method: str | None = None) -> PlanFile:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path, method=method)


@pytest.mark.parametrize("line", ["adapter:\n", "load_in_4bit: false\nadapter:\n", ""])
def test_an_adapter_left_empty_in_axolotl_trains_all_weights(tmp_path, line):
    assert read(tmp_path, AXOLOTL + line).method == "full"


def test_an_axolotl_file_that_names_adapter_values_alone_is_not_guessed_at(tmp_path):
    assert read(tmp_path, f"{AXOLOTL}lora_r: 8\n").method is None


@pytest.mark.parametrize(
    ("text", "micro", "gathered"),
    [
        ("micro_batch_size: 2\nbatch_size: 16\n", 2, 8),
        (f"{AXOLOTL}batch_size: 8\n", 1, 8),
        (f"{AXOLOTL}micro_batch_size: 2\ngradient_accumulation_steps: 3\nbatch_size: 8\n", 2, 3),
        ("batch_size: 16\n", 16, None),
    ],
)
def test_a_batch_beside_a_micro_batch_is_the_total(tmp_path, text, micro, gathered):
    found = read(tmp_path, text)
    assert found.plan["micro_batch_size"] == micro
    assert found.plan.get("gradient_accumulation_steps") == gathered
    assert gathered is None or any("batch_size" in line for line in found.aside)


@pytest.mark.parametrize(
    ("text", "weights", "computing"),
    [
        ("finetuning_type: full\nbf16: true\n", "float32", "bfloat16"),
        ("finetuning_type: full\npure_bf16: true\n", "bfloat16", None),
        ("finetuning_type: lora\nbf16: true\n", "bfloat16", None),
        (f"{AXOLOTL}adapter:\nbf16: true\n", "bfloat16", None),
        ("use_peft: false\ndtype: bfloat16\nbf16: true\n", "bfloat16", None),
        ("dtype: float32\nbf16: true\n", "float32", "bfloat16"),
        ("bf16: false\n", "float32", None),
        ("bf16: false\nfp16: true\nuse_peft: true\n", "float16", None),
        ("bf16: auto\n", None, None),
    ],
)
def test_computing_in_16_bits_is_not_weights_in_16_bits(tmp_path, text, weights, computing):
    found = read(tmp_path, text)
    assert found.plan.get("precision") == weights
    assert found.plan.get("compute_precision") == computing


def test_how_16_bits_were_read_is_told_and_a_method_beside_the_file_counts(tmp_path):
    found = read(tmp_path, "bf16: true\n", method="full")
    assert found.plan == {"precision": "float32", "compute_precision": "bfloat16"}
    assert found.aside == ("bf16 (line 1): read as computing in bfloat16 over weights in float32",)


@pytest.mark.parametrize(
    "line",
    [
        "train_on_inputs: true",
        "completion_only_loss: false",
        "lora_modules_to_save: [embed_tokens]",
        "additional_target: lm_head",
        "adapter_name_or_path: out/lora",
        "layers_to_transform: [1, 2]",
    ],
)
def test_what_would_train_something_else_is_refused(tmp_path, line):
    with pytest.raises(PlanError) as caught:
        read(tmp_path, f"lora_r: 8\n{line}\n")
    assert line.partition(":")[0] in caught.value.message
    assert caught.value.where.endswith("plan.yaml:2")


def test_what_differs_is_told_as_a_difference_and_what_does_not_is_silent(tmp_path):
    found = read(
        tmp_path,
        "lr_scheduler_kwargs: {min_lr: 1.0e-6}\nadam_beta2: 0.95\nadam_beta1: 0.9\n"
        "train_on_inputs: false\nlora_modules_to_save:\ntop_p: 1.0\n",
    )
    assert [line.partition(" ")[0] for line in found.aside] == ["lr_scheduler_kwargs", "adam_beta2"]
    assert all("this differs here" in line for line in found.aside)


def test_keys_that_have_a_place_here_are_taken(tmp_path):
    found = read(
        tmp_path, "liger_fused_linear_cross_entropy: true\nrl: grpo\ntrl: {temperature: 0.7}\n"
    )
    assert (found.plan["loss_head"], found.method_options) == ("fused_linear", {"temperature": 0.7})
    aside = read(tmp_path, "temperature: 0.95\n")
    assert (aside.method_options, len(aside.aside)) == ({}, 1)


def test_ordinary_files_are_read(tmp_path):
    text = "max_steps: -1\nlora_target_linear: true\nlora_target_modules: [q_proj, v_proj]\n"
    assert read(tmp_path, text).plan == {"target_modules": "all-linear"}
    text = "lora_target_modules: [q_proj]\nlora_target_linear: false\nmax_steps: 20\n"
    assert read(tmp_path, text).plan == {"target_modules": "q_proj", "max_steps": 20}
    with pytest.raises(PlanError, match="lm_head cannot be added"):
        read(tmp_path, "lora_target_linear: true\nlora_target_modules: [lm_head]\n")


@pytest.mark.parametrize(
    "line",
    [
        "model_init_kwargs: [1]",
        "trl: foo",
        "method_options: [1]",
        "method_options: {layers: [1]}",
        "beta: {a: 1}",
        "base_model: [a]",
        "quantization_bit: .inf",
        "eval_steps: 1.0e-320",
        "max_steps: .inf",
        "batch_size: {a: 1}",
        "micro_batch_size: 2\nbatch_size: many",
    ],
)
def test_values_of_a_wrong_shape_are_a_fault_with_its_line(tmp_path, line):
    with pytest.raises(PlanError) as caught:
        read(tmp_path, f"lora_r: 8\n{line}\n")
    assert "plan.yaml:" in caught.value.where
