"""Configurations of TRL, Axolotl and LLaMA-Factory are read as what they mean, or refused by line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import PlanError
from advisor.plan_file.meanings import MEANINGS
from advisor.plan_file.reading import PlanFile, differences, read_plan, spellings
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.stated import COUNTS, SETTABLE

HERE = Path(__file__).parent / "fixtures" / "configurations"


def read(tmp_path: Path, text: str) -> PlanFile:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


def refused(tmp_path: Path, text: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        read(tmp_path, text)
    return caught.value


def test_an_axolotl_configuration_means_the_same_here():
    found = read_plan(HERE / "axolotl-qlora.yaml")
    assert (found.model, found.method, found.objective) == ("org/some-8b", "qlora", None)
    assert found.plan == {
        "sequence_length": 4096,
        "packing": True,
        "rank": 32,
        "alpha": 16.0,
        "dropout": 0.05,
        "target_modules": "all-linear",
        "gradient_accumulation_steps": 4,
        "micro_batch_size": 2,
        "epochs": 4.0,
        "optimizer": "paged_adamw_32bit",
        "schedule": "cosine",
        "learning_rate": 0.0002,
        "gradient_checkpointing": True,
        "attention": "flash",
        "warmup_steps": 10,
        "evaluations_per_epoch": 2.0,
        "weight_decay": 0.0,
    }
    assert found.report_to == ("wandb",)
    assert any(line.startswith("datasets (line 9): the data is the run's") for line in found.aside)
    assert not any("dataset_prepared_path" in line for line in found.aside)


def test_an_axolotl_preference_run_keeps_its_beta_and_its_packed_base():
    found = read_plan(HERE / "axolotl-dpo.yaml")
    assert (found.objective, found.method) == ("dpo", "qlora")
    assert found.method_options == {"beta": 0.2}
    assert found.plan["quantisation"] == "int8"
    assert found.plan["target_modules"] == "q_proj,k_proj,v_proj,o_proj"
    assert (found.plan["warmup_share"], found.plan["attention"]) == (0.1, "sdpa")
    assert found.plan["packing"] is False


def test_a_llamafactory_configuration_means_the_same_here():
    found = read_plan(HERE / "llamafactory-lora.yaml")
    assert (found.objective, found.method) == ("sft", "qlora")
    assert found.plan["rank"] == 8
    assert "alpha" not in found.plan
    assert found.plan["target_modules"] == "all-linear"
    assert (found.plan["sequence_length"], found.plan["evaluation_steps"]) == (2048, 500)
    assert (found.plan["neftune_alpha"], found.plan["attention"]) == (5.0, "flash")
    assert found.plan["double_quantisation"] is True
    assert found.method_options == {"lora_plus": 16.0}
    assert found.report_to == ()


def test_a_loss_of_preferences_can_be_another_objective():
    found = read_plan(HERE / "llamafactory-orpo.yaml")
    assert (found.objective, found.method) == ("orpo", "full")
    assert any(line.startswith("deepspeed") for line in found.aside)


def test_a_trl_configuration_means_the_same_here():
    found = read_plan(HERE / "trl-sft.yaml")
    assert found.method == "qlora"
    assert found.plan["warmup_share"] == 0.05
    assert found.plan["max_gradient_norm"] == 0.3
    assert (found.plan["precision"], found.plan["attention"]) == ("bfloat16", "sdpa")
    assert found.plan["choose_checkpoint_by"] == "loss"
    assert found.plan["evaluations_per_epoch"] == 1
    assert found.report_to == ("tensorboard", "wandb")
    assert found.plan["seed"] == 7


def test_json_is_read_too(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"lora_r": 8, "learning_rate": 1e-4}), encoding="utf-8")
    assert read_plan(path).plan == {"rank": 8, "learning_rate": 1e-4}


def test_an_unknown_key_is_answered_with_line_and_nearest(tmp_path):
    error = refused(tmp_path, "lora_r: 8\nlearning_rte: 1e-4\n")
    assert "'learning_rte'; did you mean 'learning_rate'?" in error.message
    assert error.where.endswith("plan.yaml:2")


def test_two_spellings_with_different_values_are_refused(tmp_path):
    text = "micro_batch_size: 2\nepochs: 1\nper_device_train_batch_size: 4\n"
    error = refused(tmp_path, text)
    assert "'per_device_train_batch_size' says 4, and 'micro_batch_size' in line 1 says 2" in (
        error.message
    )
    assert error.where.endswith(":3")


def test_two_spellings_of_one_value_are_fine(tmp_path):
    assert read(tmp_path, "lora_r: 8\nlora_rank: 8\nrank: 8\n").plan == {"rank": 8}


def test_a_key_that_stands_twice_is_refused(tmp_path):
    error = refused(tmp_path, "lora_r: 8\nlora_r: 16\n")
    assert "'lora_r' stands twice" in error.message
    assert error.where.endswith(":2")


def test_all_faults_are_told_at_once(tmp_path):
    error = refused(tmp_path, "lora_r: many\nepoch: 3\nbf16: perhaps\n")
    assert "3 faults" in error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a set of `key: value`"),
        ("- lora_r\n", "a set of `key: value`"),
        ("lora_r: 0\n", "rank: 0 cannot be used"),
        ("stage: ppo\n", "TRL removed PPO"),
        ("rl: simpo\n", "orpo"),
        ("load_in_4bit: true\nfinetuning_type: full\n", "packs a base"),
        ("quantization_bit: 3\n", "4 or 8"),
        ("adapter: magic\n", "no way to tune"),
        ("lora_r: [8\n", "not valid YAML"),
        ("method_options: 3\n", "name: value"),
        ("method: full\nadapter: lora\n", "means lora"),
        ("gpu: h100\n", "nobody knows the key 'gpu'"),
        ("eval_strategy: sometimes\n", "none of no, steps, epoch"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(tmp_path, text, words):
    assert words in refused(tmp_path, text).message


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(PlanError, match="does not exist"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "method", "packed"),
    [
        ("use_peft: true\n", "lora", None),
        ("use_peft: false\n", "full", None),
        ("adapter: lora\nload_in_4bit: true\n", "qlora", None),
        ("adapter: qlora\n", "qlora", None),
        ("load_in_4bit: true\n", "qlora", None),
        ("load_in_8bit: true\n", "qlora", "int8"),
        ("use_dora: true\nload_in_4bit: true\n", "dora", "nf4"),
        ("finetuning_type: freeze\nfreeze_trainable_layers: 2\n", "freeze", None),
        ("method: IA3\n", "ia3", None),
        ("lora_r: 8\n", None, None),
    ],
)
def test_method_and_packing_follow_from_several_keys(tmp_path, text, method, packed):
    found = read(tmp_path, text)
    assert found.method == method
    assert found.plan.get("quantisation") == packed


def test_what_is_known_but_not_ours_is_listed_with_the_reason(tmp_path):
    found = read(tmp_path, "output_dir: out\nlora_r: 8\nwandb_project: x\nhub_token: abc\n")
    assert [line.partition(" ")[0] for line in found.aside] == [
        "output_dir",
        "wandb_project",
        "hub_token",
    ]
    assert not any("abc" in line for line in found.aside)


def test_every_spelling_leads_to_a_field_and_none_stands_twice():
    fields, asides = spellings()
    others = differences().keys()
    assert others.isdisjoint(asides.keys() | fields.keys() | MEANINGS.keys())
    assert set(fields.values()) == {*SETTABLE, *COUNTS}
    assert fields.keys() & asides.keys() == set()
    assert not MEANINGS.keys() & asides.keys()
    assert MEANINGS.keys().isdisjoint(fields.keys() - set(SETTABLE) - set(COUNTS))
    document = yaml.safe_load(Path("rules/plan-spellings.yaml").read_text(encoding="utf-8"))
    listed = [key for names in document["fields"].values() for key in names]
    listed += [key for group in (*document["aside"], *document["differs"]) for key in group["keys"]]
    assert len(listed) == len(set(listed))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "rank": st.integers(1, 512),
    "alpha": st.floats(0.5, 512),
    "dropout": st.floats(0, 0.9),
    "target_modules": st.sampled_from(["all-linear", "q_proj,v_proj"]),
    "sequence_length": st.integers(1, 131072),
    "micro_batch_size": st.integers(1, 64),
    "gradient_accumulation_steps": st.integers(1, 64),
    "gradient_checkpointing": st.booleans(),
    "packing": st.booleans(),
    "learning_rate": st.floats(1e-7, 1e-1),
    "schedule": st.sampled_from(["linear", "cosine", "constant"]),
    "warmup_share": st.floats(0, 0.9),
    "weight_decay": st.floats(0, 0.5),
    "max_gradient_norm": st.floats(0.1, 5),
    "neftune_alpha": st.floats(0.5, 15),
    "length_grouping": st.booleans(),
    "evaluations": st.integers(0, 50),
    "evaluation_steps": st.integers(1, 5000),
    "early_stopping_patience": st.integers(1, 10),
    "choose_checkpoint_by": st.sampled_from(["metric", "loss", "last"]),
    "epochs": st.floats(0.1, 20),
    "optimizer": st.sampled_from(["adamw_8bit", "adafactor"]),
    "precision": st.sampled_from(["bfloat16", "float16", "float32"]),
    "attention": st.sampled_from(["sdpa", "flash", "eager"]),
    "loss_head": st.sampled_from(["stock", "chunked", "fused_linear"]),
    "quantisation": st.sampled_from(["none", "nf4", "int8", "fp8"]),
    "seed": st.integers(0, 2**32 - 1),
    "general_share": st.floats(0, 0.9),
}


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_any_subset_of_plan_fields_comes_back_as_it_was_written(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("plans") / "plan.yaml"
    text = yaml.safe_dump(values) if values else "output_dir: x\n"
    path.write_text(text, encoding="utf-8")
    found = read_plan(path)
    assert found.plan == values
    base: dict[str, Any] = {
        "model": "m",
        "method": "lora",
        "precision": "float32",
        "base_bits": 32,
        "sequence_length": 8,
        "micro_batch_size": 1,
        "learning_rate": 1.0,
        "epochs": 1.0,
        "gpu": "local",
    }
    plan = Plan(**(base | found.plan))
    assert {field: getattr(plan, field) for field in values} == values


def test_the_configuration_that_the_documentation_shows_is_read(tmp_path):
    page = Path("docs/how-to/plan-a-training.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found = read(tmp_path, shown)
    assert (found.method, found.model) == ("qlora", "org/some-8b")
    assert (found.plan["rank"], found.plan["warmup_steps"], found.aside) == (32, 10, ())
