import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.schema.estimate import Estimate

MODEL_KEYS = {"id", "parameters", "active_parameters", "note"}
OPTION_KEYS = {
    "objective",
    "method",
    "plan",
    "memory",
    "gpu",
    "gpus",
    "fits",
    "probability_fits",
    "usable_gib",
    "headroom_gib",
    "trainable_parameters",
    "time_hours",
    "tokens_per_second",
    "cost_usd",
    "offer",
    "serving",
    "spending",
    "steps_hours",
    "time_parts",
    "energy_kwh",
    "co2_kg",
    "memory_correction",
    "speed_correction",
    "assumptions",
    "warnings",
}
DAY = ("--as-of", "2026-11-25")


def run(*words):
    return CliRunner().invoke(cli, ["estimate", *words])


def document(*words):
    result = run(*words, "--json", *DAY)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_document_has_the_keys_of_the_contract():
    found = document("--model", "7b", "--gpu", "h100")
    assert {"schema_version", "advisor_version", "as_of", "model", "options", "recommended"} <= set(
        found
    )
    assert set(found["model"]) == MODEL_KEYS
    assert [o["method"] for o in found["options"]] == ["lora", "qlora", "full"]
    for option in found["options"]:
        assert set(option) == OPTION_KEYS
        memory = option["memory"]
        assert set(memory) == {
            "allocated_gib",
            "reserved_gib",
            "process_gib",
            "peak_phase",
            "terms",
            "phases_gib",
        }
        assert sum(t["gib"] for t in memory["terms"]) == pytest.approx(
            memory["allocated_gib"]["likely"]
        )
        assert (
            option["cost_usd"]["low"] <= option["cost_usd"]["likely"] <= option["cost_usd"]["high"]
        )


def test_a_size_is_shown_as_the_shape_it_means():
    found = document("--model", "70b", "--method", "qlora")
    assert found["model"]["id"] == "llama-3.1-70b"
    assert {o["method"] for o in found["options"]} == {"qlora"}
    assert len({o["gpu"] for o in found["options"]}) >= 15


def test_every_flag_reaches_the_plan():
    plan = document(
        *("--model", "1b", "--method", "lora", "--gpu", "l4", "--rank", "8", "--alpha", "8"),
        *("--batch-size", "2", "--grad-accum", "4", "--seq-len", "512", "--examples", "77"),
        *("--epochs", "1.5", "--precision", "float32", "--optimizer", "adamw_8bit"),
        *("--no-gradient-checkpointing", "--loss", "stock", "--target-modules", "q_proj"),
        *("--learning-rate", "0.001", "--gpus", "2", "--strategy", "ddp", "--tokens", "999"),
    )["options"][0]["plan"]
    wanted = {
        "rank": 8,
        "alpha": 8,
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "sequence_length": 512,
        "examples": 77,
        "tokens": 999,
        "epochs": 1.5,
        "precision": "float32",
        "optimizer": "adamw_8bit",
        "gradient_checkpointing": False,
        "loss_head": "stock",
        "target_modules": "q_proj",
        "learning_rate": 0.001,
        "gpus": 2,
        "strategy": "ddp",
    }
    assert {key: plan[key] for key in wanted} == wanted


def test_nothing_fits_is_still_done_and_names_a_way_out():
    found = document("--model", "70b", "--method", "full", "--gpu", "t4")
    assert found["recommended"] is None
    assert found["nearest"]


def test_what_fits_only_elsewhere_names_the_card():
    found = document("--model", "8b", "--method", "lora", "--gpu", "t4")
    assert found["recommended"] is None
    assert "Without other changes: lora on 1 x " in found["nearest"]


def test_this_machine_costs_nothing():
    found = document("--model", "135m", "--gpu", "local", "--method", "lora")
    option = found["options"][0]
    assert option["cost_usd"]["likely"] == 0
    assert option["offer"]["kind"] == "own"


def test_budget_and_hours_limit_the_recommendation():
    words = ("--model", "8b", "--gpu", "h100", "--method", "lora")
    assert document(*words, "--budget-usd", "0.01")["recommended"] is None
    assert document(*words, "--max-hours", "0.01")["recommended"] is None
    assert document(*words, "--budget-usd", "100", "--max-hours", "10")["recommended"] == 0


def test_one_provider_only():
    found = document("--model", "8b", "--method", "lora", "--provider", "lambda")
    assert {o["offer"]["provider"] for o in found["options"]} == {"lambda"}


def test_an_older_day_has_older_prices():
    words = ("--model", "8b", "--gpu", "h100", "--method", "lora", "--provider", "runpod", "--json")
    early = json.loads(run(*words, "--as-of", "2026-09-01").stdout)["options"][0]["offer"]
    late = json.loads(run(*words, "--as-of", "2026-11-25").stdout)["options"][0]["offer"]
    assert early["usd_per_gpu_hour"] < late["usd_per_gpu_hour"]


def test_the_artifact_is_written_and_read_back(tmp_path):
    found = document("--model", "1b", "--gpu", "l4", "--run-dir", str(tmp_path / "run"))
    written = json.loads((tmp_path / "run" / "3-estimate.json").read_text(encoding="utf-8"))
    assert written == found
    assert written["artifact"]["prices_as_of"] == "2026-11-25"
    assert (
        Estimate.model_validate(
            {
                k: v
                for k, v in written.items()
                if k not in {"schema_version", "advisor_version", "as_of", "artifact"}
            }
        ).recommended
        == 0
    )


def test_tables_fit_eighty_columns():
    for words in (("--model", "7b"), ("--model", "7b", "--gpu", "t4", "--explain")):
        result = run(*words, *DAY)
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_explain_shows_every_term_with_formula_and_source():
    shown = run("--model", "8b", "--gpu", "h100", "--method", "lora", "--explain", *DAY).stdout
    for words in ("weights", "optimizer states", "measured", "whole process", "learning_rate"):
        assert words in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "lama-3.1-8b"), "Did you mean 'llama-3.1-8b'"),
        (("--model", "8b", "--gpu", "h10"), "Did you mean"),
        (("--model", "8b", "--method", "lroa"), "Did you mean 'lora'"),
        (("--model", "8b", "--objective", "dop"), "Unknown objective 'dop'"),
        (("--model", "8b", "--provider", "runpot"), "Did you mean 'runpod'"),
        (("--model", "8b", "--provider", "lambda", "--gpu", "t4"), "lambda has no price for t4"),
        (("--model", "8b", "--strategy", "ddp"), "does not go with --gpus 1"),
        (("--model", "8b", "--optimizer", "adamsky"), "'adamsky' are not known"),
        (("--model", "8b", "--seq-len", "9999999"), "more than llama-3.1-8b reads"),
    ],
)
def test_mistakes_are_told_with_exit_code_1(words, says):
    result = run(*words, "--json")
    assert result.exit_code == 1
    assert says in json.loads(result.stdout)["error"]["message"]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--model", "8b", "--rank", "0"),
        ("--model", "8b", "--budget-usd", "much"),
        ("--model", "8b", "--as-of", "yesterday"),
        ("--model", "8b", "--precision", "int3"),
    ],
)
def test_wrong_usage_is_exit_code_2(words):
    assert run(*words).exit_code == 2


def test_no_heavy_library_is_loaded():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom advisor.cli.main import cli\n"
        "r = CliRunner().invoke(cli, ['estimate', '--model', '70b', '--method', 'qlora'])\n"
        "assert r.exit_code == 0, r.output\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
