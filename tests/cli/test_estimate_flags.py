"""Flags of `advisor estimate` beyond the plain table."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.resources import bundled_tasks_root
from advisor.schema.limits import LARGEST

DAY = ("--as-of", "2026-11-25")
TICKETS = str(bundled_tasks_root() / "tickets" / "data.jsonl")


def run(*words):
    return CliRunner().invoke(cli, ["estimate", *words])


def document(*words):
    result = run(*words, "--json", *DAY)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def only(*words):
    [option] = document("--gpu", "a100-80gb", "--method", "lora", *words)["options"]
    return option


def allocated(*words):
    return only("--model", "8b", *words)["memory"]["allocated_gib"]["likely"]


def test_data_sets_the_longest_batch_and_the_tokens():
    found = document("--model", "8b", "--gpu", "h100", "--method", "lora", "--data", TICKETS)
    lengths, plan = found["lengths"], found["options"][0]["plan"]
    assert lengths["samples"] == plan["examples"] == 480
    assert plan["sequence_length"] == -(-lengths["longest"]["likely"] // 1)
    assert plan["tokens"] == round(lengths["processed"]["likely"])
    assert plan["reasons"]["sequence_length"] == "the longest sample"


def test_lengths_by_rate_widen_the_memory_upwards():
    found = document("--model", "8b", "--gpu", "h100", "--method", "lora", "--data", TICKETS)
    longest = round(found["lengths"]["longest"]["likely"] + 0.5)
    fixed = document(
        "--model", "8b", "--gpu", "h100", "--method", "lora", "--seq-len", str(longest)
    )
    rate, exact = (f["options"][0]["memory"]["allocated_gib"] for f in (found, fixed))
    assert rate["likely"] == exact["likely"]
    assert rate["high"] > exact["high"]


def test_a_card_can_be_given_by_its_memory_alone():
    found = document("--model", "7b", "--method", "qlora", "--gpu", "12gb")
    [option] = found["options"]
    assert option["gpu"] == "12gb"
    assert option["fits"] is True
    assert option["time_hours"] is None
    assert option["cost_usd"] is None


def test_names_are_read_in_any_case():
    plan = only("--model", "8B", "--objective", "SFT", "--stack", "Unsloth")["plan"]
    assert (plan["objective"], plan["stack"]) == ("sft", "unsloth")
    assert document("--model", "8b", "--gpu", "H100", "--method", "QLoRA")["options"]


def test_an_objective_sets_its_own_rate():
    words = ("--model", "8b", "--objective", "dpo")
    plan = only(*words)["plan"]
    assert plan["learning_rate"] == 5e-6
    assert plan["reasons"]["learning_rate"] == "recipe dpo-lora"
    assert only(*words, "--learning-rate", "0.001")["plan"]["learning_rate"] == 0.001


def test_what_a_forgotten_precision_costs_is_told():
    words = ("--model", "8b", "--method", "full", "--gpu", "b200")
    told = " ".join(document(*words)["warnings"])
    assert "loads float32" in told
    assert "loads float32" not in " ".join(document(*words, "--precision", "bfloat16")["warnings"])


def test_main_memory_of_what_is_offloaded_is_told():
    words = ("--method", "full", "--strategy", "zero3", "--gpus", "2", "--offload", "optimizer")
    [option] = document("--model", "8b", "--gpu", "rtx-4090", *words)["options"]
    assert any("of main memory hold" in note for note in option["assumptions"])


def test_preference_data_serve_preference_objectives_only(tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    row = {"prompt": "Say something.", "chosen": "Yes.", "rejected": "No, " * 300}
    pairs.write_text("".join(json.dumps(row | {"id": str(n)}) + "\n" for n in range(4)))
    words = ("--model", "8b", "--gpu", "h100", "--method", "lora", "--objective", "dpo")
    found = document(*words, "--data", str(pairs))
    assert found["lengths"]["longest"]["likely"] > 300
    refused = run(*words, "--data", TICKETS)
    assert refused.exit_code == 1
    assert "chosen and a rejected" in refused.stderr


def test_packed_data_fill_whole_sequences():
    words = ("--data", TICKETS, "--packing", "--seq-len", "256")
    plan = only("--model", "8b", *words)["plan"]
    assert plan["sequence_length"] == 256
    assert plan["packing"] is True


def test_kernels_change_the_peak_as_they_should():
    words = ("--seq-len", "8192")
    chunked = allocated("--loss", "chunked", *words)
    assert allocated("--loss", "stock", *words) > chunked
    assert allocated("--loss", "fused_linear", *words) <= chunked
    assert allocated("--attention", "eager", *words) > allocated("--attention", "sdpa", *words)


def test_a_stack_changes_the_plan_and_says_so():
    plan = only("--model", "8b", "--stack", "unsloth")["plan"]
    assert plan["stack"] == "unsloth"
    assert "stack unsloth" in plan["reasons"].values()


def test_float32_loading_costs_what_was_measured():
    lean = allocated("--seq-len", "2048", "--precision", "bfloat16")
    assert allocated("--seq-len", "2048", "--precision", "float32") > 1.7 * lean


def test_offloading_optimizer_states_frees_the_card():
    words = ("--model", "8b", "--method", "full", "--gpu", "h100", "--strategy", "zero2")
    kept, away = (
        document(*words, *more)["options"][0]["memory"]["allocated_gib"]["likely"]
        for more in ((), ("--offload", "optimizer"))
    )
    assert away < kept


def test_options_of_a_method_reach_it():
    words = ("--model", "8b", "--gpu", "h100", "--method", "freeze")
    few, many = (
        document(*words, "--option", f"layers={count}")["options"][0]["trainable_parameters"]
        for count in (2, 8)
    )
    assert many > 3 * few


def test_the_largest_that_fits():
    found = document(
        "--model", "8b", "--method", "qlora", "--gpu", "rtx-4090", "--solve", "seq-len"
    )
    [solved] = found["solved"]
    assert solved["option"]["fits"] is True
    assert solved["option"]["plan"]["sequence_length"] == solved["value"]


def test_serving_and_break_even_follow_the_volume():
    found = document("--model", "8b", "--gpu", "h100", "--calls-per-month", "100000")
    assert {s["approach"] for s in found["serving"]} >= {
        "prompting",
        "few_shot",
        "rag",
        "fine_tuning",
    }
    assert found["break_even"]
    assert found["options"][0]["serving"]["approach"] == "fine_tuning"
    spending = found["options"][found["recommended"]]["spending"]
    assert [s["name"] for s in spending["shares"]] == [
        "baselines",
        "training",
        "evaluation",
        "storage",
        "serving",
    ]
    assert found["hosted"]


def test_the_fastest_can_be_preferred():
    words = ("--model", "8b", "--method", "lora")
    cheap, quick = (
        found["options"][found["recommended"]]
        for found in (document(*words), document(*words, "--prefer", "fastest"))
    )
    assert quick["time_hours"]["likely"] < cheap["time_hours"]["likely"]
    assert quick["cost_usd"]["likely"] >= cheap["cost_usd"]["likely"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--solve", "rank"), "name one with --gpu"),
        (("--option", "layers"), "NAME=VALUE"),
        (("--option", "=3"), "NAME=VALUE"),
        (("--data", TICKETS, "--tokens", "99"), "leave --tokens out"),
    ],
)
def test_usage_errors(words, told):
    result = run("--model", "8b", *words)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stack", "nostack"), "nostack"),
        (("--data", "missing.jsonl"), "missing.jsonl"),
        (("--gpus", "3", "--nodes", "2"), "equal nodes"),
        (("--method", "qlora", "--quantisation", "none"), "quantised base"),
        (("--gpus", "1", "--strategy", "fsdp"), "does not go with"),
        (("--objective", "dpo", "--packing"), "cannot be packed"),
        (("--gpu", "0gb"), "more than 0 GiB"),
        (("--optimizer", "nosuch"), "nosuch"),
        (("--model", "google-bert/bert-base-uncased", "--objective", "dpo"), "is an encoder"),
        (("--option", "layrs=3", "--method", "freeze"), "understands the option 'layrs'"),
        (("--large-model", "nope"), "--large-model: Unknown model 'nope'"),
        (("--generated-tokens", "1000000"), "more than llama-3.1-8b holds"),
        (("--gpus", "1000"), "do not stand in one machine"),
        (("--gpus", "64", "--strategy", "layer_split"), "cannot be split over 64 GPUs"),
    ],
)
def test_told_errors(words, told):
    result = run("--model", "8b", "--gpu", "h100", *words)
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("flag", sorted(LARGEST))
def test_no_flag_takes_an_amount_beyond_all_plans(flag):
    words = ("--model", "8b", "--gpu", "h100", f"--{flag.replace('_', '-')}")
    result = run(*words, "1" + 30 * "0")
    assert result.exit_code == 2
    assert "Invalid value" in result.stderr


def test_the_largest_amounts_together_overflow_nothing():
    amounts = dict(LARGEST, nodes=LARGEST["gpus"], seq_len=100_000, generated_tokens=100_000)
    words = [w for f, most in amounts.items() for w in (f"--{f.replace('_', '-')}", f"{most:.0f}")]
    result = run("--model", "8b", "--gpu", "h100", *words)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--method", "full", "--rank", "8"), "--rank is not used"),
        (("--method", "full", "--target-modules", "q_proj"), "--target-modules is not used"),
        (("--method", "galore", "--quantisation", "int8"), "--quantisation is not used"),
    ],
)
def test_flags_no_method_takes_are_told(words, told):
    warnings = document("--model", "8b", "--gpu", "h100", *words)["warnings"]
    assert any(warning.startswith(told) for warning in warnings)
    both = (*words, "--method", "qlora")
    assert not any(
        w.startswith(told) for w in document("--model", "8b", "--gpu", "h100", *both)["warnings"]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--precision", "bfloat16"), "no bfloat16"), (("--attention", "flash"), "FlashAttention 2")],
)
def test_what_a_card_does_not_have_is_told(words, told):
    [option] = document("--model", "8b", "--gpu", "t4", "--method", "lora", *words)["options"]
    assert any(told in warning for warning in option["warnings"])


@pytest.mark.parametrize(
    "words",
    [
        ("--matrix",),
        ("--matrix", "--method", "full", "--method", "lora", "--method", "dora"),
        ("--explain", "--gpu", "t4"),
        ("--data", TICKETS, "--calls-per-month", "5000"),
        ("--solve", "batch-size", "--gpu", "t4"),
    ],
)
def test_every_page_keeps_to_eighty_columns(words):
    result = run("--model", "8b", *words, *DAY)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
