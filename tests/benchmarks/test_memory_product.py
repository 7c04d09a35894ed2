import json

import pytest
from click.testing import CliRunner

from advisor.catalog import query
from advisor.cli.main import cli
from advisor.cli.plan_options import PLAN_FLAGS
from benchmarks.memory import table
from benchmarks.memory.contestant import answer
from benchmarks.memory.normalize import find_config, normalize
from benchmarks.memory.rows import described
from benchmarks.memory.words import HIDDEN

EVERY = 9
"""Of the rows that say all, so many are passed over."""


def command(case):
    request = case.request
    words = ["estimate", "--model", case.card.id, "--gpu", case.gpu.id, "--json"]
    words += ["--method", *request.methods]
    for name in PLAN_FLAGS:
        value, flag = getattr(request, name), "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif value is not None and name != "prefer":
            words += ["--loss" if name == "loss_head" else flag, str(value)]
    for name, value in request.method_options.items():
        words += ["--option", f"{name}={value}"]
    return words


def contestant(row, configs):
    shown = {key: value for key, value in row.items() if key not in HIDDEN}
    run = normalize(row, configs)
    return answer(shown | {"config": find_config(row["model"], configs), "normalized": run})


def same(row, configs):
    _, case = described(row, configs)
    assert case.request.assumed == ()
    result = CliRunner().invoke(cli, command(case))
    assert result.exit_code in (0, 1), result.output
    [option] = json.loads(result.stdout)["options"]
    assert option["plan"] == json.loads(case.plan.model_dump_json()) | {
        "reasons": option["plan"]["reasons"]
    }
    found = contestant(row, configs)
    tier = case.tier if case.tier in ("allocated", "reserved") else "process"
    interval = option["memory"][f"{tier}_gib"]
    told = (found["low_gib"], found["peak_gib"], found["high_gib"])
    assert told == pytest.approx([interval[key] for key in ("low", "likely", "high")], abs=1e-4)
    return option


def test_the_command_line_says_what_the_contestant_says(runs):
    for row in runs.ROWS:
        same(row, runs.CONFIGS)


def says_all(row, configs):
    try:
        run, case = described(row, configs)
        normalize(row, configs)
    except ValueError:
        return False
    request = case.request
    is_listed = case.gpu.id != "unlisted" and case.card.max_sequence_length is not None
    return is_listed and not request.assumed and not request.mean_sequence_length and run["quant"]


def test_and_so_for_rows_of_the_evidence_table(evidence):
    configs = table.configs([evidence / "configs.csv"])
    rows = [row for row in table.read(evidence / "measured.csv") if says_all(row, configs)]
    experts = [row for row in rows if "ixtral-8x7B" in row["model"]]
    options = [same(row, configs) for row in rows[::EVERY] + experts]
    assert len(options) > 50
    assert {option["plan"]["method"] for option in options} >= {"full", "lora", "qlora"}
    assert {option["plan"]["experts"] for option in options} >= {None, "modules"}


def test_packed_experts_are_told_by_the_command_line_too(runs):
    row = runs.FMS_LORA_ALONE | {
        "model": "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "method": "qlora",
        "weights_dtype": "nf4-dq",
        "notes": "framework_config=accelerated-peft-bnb-foak; fused kernel loss",
    }
    option = same(row, runs.CONFIGS | {row["model"]: runs.MIXTRAL})
    assert option["plan"]["experts"] == "modules"
    assert option["memory"]["allocated_gib"]["likely"] < 50


def test_a_row_is_of_the_model_that_the_catalog_knows(runs):
    _, case = described(runs.FITCHECK, runs.CONFIGS)
    assert case.card == query.find_model(runs.FITCHECK["model"])
    wrong = runs.CONFIGS[runs.FITCHECK["model"]] | {"num_layers": "2", "total_params": "210000000"}
    _, case = described(runs.FITCHECK, {runs.FITCHECK["model"]: wrong})
    assert case.card.layers == 2


def test_columns_of_a_model_nobody_knows_go_through_the_readers(runs):
    row = runs.FITCHECK | {"model": "nobody/new-8x1b"}
    line = runs.MIXTRAL | {"hidden_size": "1024", "num_heads": "8", "total_params": ""}
    _, case = described(row, {row["model"]: line})
    assert (case.card.family, case.card.has_experts) == ("mixtral", True)
