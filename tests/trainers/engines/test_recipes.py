"""What is written for other engines: every plan field said or told, rows in the engines' forms."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from advisor.errors import DatasetError, PlanError
from advisor.schema.chat import folded
from advisor.schema.evaluation import Message, Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob
from tests.fixtures.training import training_job
from trainers.engines.recipes import (
    axolotl_config,
    llamafactory_config,
    trl_command,
    trl_config,
    unsloth_config,
)
from trainers.engines.recipes.axolotl import METHODS as AXOLOTL_METHODS
from trainers.engines.recipes.axolotl import OBJECTIVES as AXOLOTL_OBJECTIVES
from trainers.engines.recipes.llamafactory import METHODS as FACTORY_METHODS
from trainers.engines.recipes.llamafactory import STAGES
from trainers.engines.recipes.telling import BESIDE
from trainers.engines.recipes.trl import COMMANDS
from trainers.engines.recipes.trl import METHODS as TRL_METHODS
from trainers.engines.recipes.unsloth import METHODS as UNSLOTH_METHODS
from trainers.engines.recipes.unsloth import OBJECTIVES as UNSLOTH_OBJECTIVES

WRITERS = {
    "axolotl": (axolotl_config, AXOLOTL_OBJECTIVES, AXOLOTL_METHODS),
    "llamafactory": (llamafactory_config, tuple(STAGES), FACTORY_METHODS),
    "trl": (trl_config, tuple(COMMANDS), TRL_METHODS),
    "unsloth": (unsloth_config, UNSLOTH_OBJECTIVES, UNSLOTH_METHODS),
}
ASKING = {
    "base_bits": 4, "quantisation": "awq", "double_quantisation": False, "matmul_bits": 4,
    "compute_precision": "float16", "trained_precision": "bfloat16", "alpha": 7.5,
    "dropout": 0.2, "target_modules": "q_proj,v_proj", "packing": True, "loss_head": "fused_linear",
    "evaluation_batch_size": 3, "neftune_alpha": 5.0, "length_grouping": True,
    "general_share": 0.1, "evaluations": 4, "evaluation_steps": 7, "early_stopping_patience": 2,
    "choose_checkpoint_by": "metric", "gpus": 2, "nodes": 2, "strategy": "layer_split",
    "offload": "activations", "max_gradient_norm": 0.3, "weight_decay": 0.01, "seed": 3,
    "gradient_accumulation_steps": 2, "gradient_checkpointing": True, "attention": "eager",
    "optimizer": "adamw_8bit", "warmup_share": 0.11, "precision": "float32",
    "learning_rate": 3e-4, "schedule": "constant", "epochs": 3, "sequence_length": 77,
    "micro_batch_size": 4, "rank": 5, "method": "lora", "objective": "sft",
}  # fmt: skip
"""A value for every field that asks something of an engine, none of them the usual one."""


@pytest.fixture
def base(tmp_path: Path) -> str:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text('{"num_hidden_layers": 4}')
    (folder / "chat_template.jinja").write_text("<|im_start|>")
    return str(folder)


def samples(objective: str) -> tuple[Sample, ...]:
    more: dict = {"rejected": "It is wrong."} if objective in ("dpo", "orpo", "reward") else {}
    return tuple(
        Sample(
            id=str(i),
            input="" if objective == "cpt" else f"What is {i}?",
            target=f"It is {i}.",
            is_good=i % 2 == 0 if objective == "kto" else None,
            **more,
        )
        for i in range(8)
    )


def a_job(base: str, objective: str = "sft", method: str = "lora", **changes) -> TrainJob:
    own = {"train_samples": samples(objective), "dev_samples": samples(objective)[:3]}
    if objective == "grpo":
        own["gradient_accumulation_steps"] = 2
    if method in ("full", "freeze", "galore", "oft", "lisa"):
        own["rank"] = None
    return training_job(base, Path("out"), method, objective=objective, **(own | changes))


def rows_in(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_fields_asked_are_all_that_ask_an_engine_something():
    assert set(ASKING) | {"model"} | BESIDE == set(Plan.model_fields)


@pytest.mark.parametrize("engine", WRITERS)
def test_no_field_is_dropped_in_silence(engine: str, base: str):
    """Changing one field changes the settings, the rows or the notes."""
    write, *_ = WRITERS[engine]
    silent = set(ASKING)
    for method in ("lora", "qlora"):
        job = a_job(base, "sft", method, precision="bfloat16", evaluations=2, dropout=0.0, alpha=8)
        silent &= {name for name, value in ASKING.items() if not shows(write, job, name, value)}
    assert silent == set()


def shows(write, job: TrainJob, name: str, value) -> bool:
    plan = Plan.model_validate(job.plan.model_dump() | {name: value})
    if plan == job.plan:
        return True
    return write(job.model_copy(update={"plan": plan})) != write(job)


@pytest.mark.parametrize("engine", WRITERS)
def test_an_option_nobody_knows_is_told(engine: str, base: str):
    write, *_ = WRITERS[engine]
    notes = write(a_job(base, method_options={"odd": 3})).notes
    assert any("no setting for the option odd (3)" in note for note in notes)


@pytest.mark.parametrize("engine", WRITERS)
def test_every_pair_is_written_as_yaml_that_reads_back(engine: str, base: str):
    write, objectives, methods = WRITERS[engine]
    for objective in objectives:
        for method in methods:
            told = write(a_job(base, objective, method, evaluations=2))
            assert yaml.safe_load(yaml.safe_dump(told.values)) == told.values
            assert all(text.strip() for text in told.files.values())
            assert any("dev" in name or "test" in name for name in told.files)


def test_axolotl_says_the_plan_in_its_keys(base: str):
    job = a_job(base, "sft", "qlora", packing=True, attention="flash", precision="bfloat16",
                method_options={"rslora": True, "lora_plus": 16.0, "init": "pissa"})  # fmt: skip
    values = axolotl_config(job).values
    expected = {
        "base_model": base, "adapter": "qlora", "load_in_4bit": True, "lora_r": 4,
        "lora_alpha": 8, "lora_target_linear": True, "peft_use_rslora": True,
        "loraplus_lr_ratio": 16.0, "peft_init_lora_weights": "pissa", "sample_packing": True,
        "attn_implementation": "flash_attention_2", "bf16": True, "sequence_len": 128,
        "micro_batch_size": 4, "num_epochs": 2, "lr_scheduler": "cosine", "warmup_ratio": 0.03,
    }  # fmt: skip
    assert {key: values[key] for key in expected} == expected


def test_llamafactory_says_the_plan_in_its_keys(base: str):
    job = a_job(base, "sft", "qlora", packing=True, attention="flash", precision="bfloat16",
                method_options={"rslora": True, "lora_plus": 16.0, "init": "pissa_niter_16"})  # fmt: skip
    values = llamafactory_config(job).values
    expected = {
        "model_name_or_path": base, "stage": "sft", "finetuning_type": "lora", "lora_rank": 4,
        "quantization_bit": 4, "double_quantization": True, "lora_target": "all",
        "use_rslora": True, "loraplus_lr_ratio": 16.0, "pissa_init": True, "pissa_iter": 16,
        "neat_packing": True, "flash_attn": "fa2", "cutoff_len": 128, "mask_history": True,
        "bf16": True, "dataset": "train",
    }  # fmt: skip
    assert {key: values[key] for key in expected} == expected


def test_trl_has_a_command_for_every_objective_it_takes(base: str):
    assert trl_command(a_job(base, "cpt")) == ("trl", "sft", "--config", "trl.yaml")
    with pytest.raises(PlanError, match="no 'orpo' by 'lora'"):
        trl_config(a_job(base, "orpo"))


CONVERSATION = Sample(
    id="c",
    input="And three?",
    target="It is three.",
    rejected="It is four.",
    is_good=True,
    history=(
        Message(role="user", content="What is two?"),
        Message(role="assistant", content="It is two."),
    ),
)


def test_only_the_last_answer_of_a_conversation_is_learnt(base: str):
    job = a_job(base, train_samples=(CONVERSATION,))
    [row] = rows_in(axolotl_config(job).files["train.jsonl"])
    assert [turn["role"] for turn in row["messages"]] == [
        "system", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert [turn["train"] for turn in row["messages"]] == [False] * 4 + [True]
    told = llamafactory_config(job)
    assert told.values["mask_history"] is True
    info = json.loads(told.files["dataset_info.json"])["train"]
    assert info["tags"]["role_tag"] == "role"
    [row] = rows_in(told.files[info["file_name"]])
    assert folded(row["messages"])[0]["content"] == "Add two.\n\nWhat is two?"


@pytest.mark.parametrize("objective", ["orpo", "kto", "reward"])
def test_axolotl_refuses_conversations_where_its_rows_hold_one_question(objective: str, base: str):
    job = a_job(base, objective, train_samples=(CONVERSATION,))
    with pytest.raises(DatasetError, match="earlier turns"):
        axolotl_config(job)


def test_calls_of_functions_are_written_as_text(base: str):
    call = {"name": "add", "arguments": '{"a": 1}'}
    sample = Sample(
        id="t",
        input="Add.",
        target="Done.",
        steps=(
            Message(role="assistant", content="", tool_calls=(call,)),
            Message(role="tool", content="2", name="add"),
        ),
    )
    told = llamafactory_config(a_job(base, train_samples=(sample,)))
    [row] = rows_in(told.files["train.jsonl"])
    roles = [turn["role"] for turn in row["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert "Result of add:\n2" in row["messages"][3]["content"]
    assert any("written as text turns" in note for note in told.notes)


def test_general_data_is_mixed_in_as_the_plan_has_it(base: str):
    general = tuple(Sample(id=f"g{i}", input="Hello?", target="Hi.") for i in range(9))
    job = a_job(base, general_share=0.2).model_copy(update={"general_samples": general})
    told = axolotl_config(job)
    assert told.files["train.jsonl"].count("Hello?") == 2  # a fifth of ten rows
    assert "General data is mixed into train.jsonl: 2 rows." in told.notes


def test_frozen_layers_are_named_by_number(base: str):
    told = axolotl_config(a_job(base, "sft", "freeze", method_options={"layers": 2}))
    assert told.values["unfrozen_parameters"] == [r"^model\.layers\.(2|3)\."]
    told = axolotl_config(a_job("org/model", "sft", "freeze"))
    assert any("LAYERS" in note for note in told.notes)


def test_what_the_engines_refuse_is_refused_here(base: str, tmp_path: Path):
    with pytest.raises(PlanError, match="cannot be parted into groups of 8"):
        axolotl_config(a_job(base, "grpo", gradient_accumulation_steps=1))
    with pytest.raises(PlanError, match="no quantised base with FSDP2"):
        axolotl_config(a_job(base, "dpo", "qlora", strategy="fsdp"))
    with pytest.raises(PlanError, match="ChatML or Llama 3"):
        axolotl_config(a_job(str(tmp_path), "kto"))
    with pytest.raises(PlanError, match="stage 3 only"):
        llamafactory_config(a_job(base, strategy="zero2", offload="weights"))


def test_deepspeed_is_written_beside_the_settings(base: str):
    for write in (axolotl_config, llamafactory_config, trl_config):
        told = write(a_job(base, strategy="zero3", offload="weights", gpus=2))
        settings = json.loads(told.files[told.values["deepspeed"]])
        assert settings["zero_optimization"]["stage"] == 3
        assert settings["zero_optimization"]["offload_param"]["device"] == "cpu"


def test_the_reward_that_is_written_is_python_that_works(base: str):
    names: dict = {}
    exec(axolotl_config(a_job(base, "grpo")).files["rewards.py"], names)
    right, wrong = [{"content": "It is  2."}], [{"content": "3"}]
    assert names["same_answer"]([right, wrong], ["it is 2.", "it is 2."]) == [1.0, 0.0]


def test_the_script_for_unsloth_is_python_and_reads_what_is_written(base: str):
    told = unsloth_config(a_job(base, "sft", "qlora", evaluations=2))
    compile(told.files["train.py"], "train.py", "exec")
    assert told.values["base"]["load_in_4bit"] is True
    assert told.values["adapter"]["r"] == 4
    assert set(told.values) == set(re.findall(r'told\["(\w+)"\]', told.files["train.py"]))
    assert told.values["settings"]["output_dir"] == "trained"


@pytest.mark.ml
def test_trl_reads_every_setting_that_is_written_for_it(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import importlib

    from trainers.engines.trl.quiet import quiet

    monkeypatch.chdir(tmp_path)
    for objective, command in COMMANDS.items():
        module = importlib.import_module(f"trl.scripts.{command}")
        for method in TRL_METHODS:
            told = trl_config(a_job(base, objective, method, evaluations=2, loss_head="fused"))
            Path("trl.yaml").write_text(yaml.safe_dump(told.values))
            with quiet():
                parsed = module.make_parser().parse_args_and_config(["--config", "trl.yaml"])
            settings = next(one for one in parsed if hasattr(one, "learning_rate"))
            assert settings.learning_rate == 1e-2
            assert settings.warmup_steps == 0.03


@pytest.mark.parametrize("engine", WRITERS)
@pytest.mark.parametrize(("method", "share"), [("lora", 0.1), ("full", 0.25)])
def test_checkpoints_come_often_enough_to_go_on_from(
    engine: str, base: str, method: str, share: float
):
    write, *_ = WRITERS[engine]
    values = write(a_job(base, "sft", method, evaluations=0)).values
    values = values.get("settings", values)
    assert (values["save_strategy"], values["save_steps"]) == ("steps", share)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_unsloth_is_told_of_checkpointing_by_every_method(base: str, method: str):
    on, off = (
        unsloth_config(a_job(base, "sft", method, gradient_checkpointing=wanted)).values
        for wanted in (True, False)
    )
    assert on["base"]["use_gradient_checkpointing"] == "unsloth"
    assert off["base"]["use_gradient_checkpointing"] is False
    assert off["settings"]["gradient_checkpointing"] is False
