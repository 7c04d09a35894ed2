"""Plans by flag and file in `train`, `run` and `estimate`: they agree, change and are refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from advisor.artifacts import Origin, RunFolder
from advisor.cli.around_training import after_training
from advisor.cli.main import cli
from tests.fixtures import values as v

WORDS = ("printer", "screen", "phone", "login")
CONFIGURATIONS = Path(__file__).parents[1] / "fixtures" / "configurations"


def advisor(*words: str) -> Result:
    with mock.patch.object(sys, "argv", ["advisor", *words]):
        return CliRunner().invoke(cli, list(words))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"prompt": f"Ticket {n}: my {WORDS[n % 4]} is broken", "completion": WORDS[n % 4]}
        for n in range(60)
    ]
    path = tmp_path / "tickets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def started(data: Path, *words: str, run: str = "run") -> tuple[str, ...]:
    return (
        "train",
        "--data",
        str(data),
        "--run-dir",
        str(data.parent / run),
        "--trainer",
        "dry_run",
        *words,
    )


def planned(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_whole_plan_stands_before_any_gate_with_reasons_and_sources(data):
    found = planned(advisor(*started(data, "--dry-run", "--json", "--rank", "8")))
    lines = {line["field"]: line for line in found["lines"]}
    assert lines["rank"]["set_by"] == "--rank"
    assert lines["learning_rate"]["set_by"].startswith("recipe ")
    assert lines["learning_rate"]["why"]
    assert lines["learning_rate"]["sources"]
    assert all(line["set_by"] or line["why"] for line in found["lines"])
    fields = set(found["plan"]) - {"reasons", "method_options", "experts", "assumed"}
    assert fields <= set(lines)
    assert found["memory"]["allocated_gib"]["likely"] > 0
    assert any("two steps on the longest batch" in check for check in found["checks"])
    assert found["command"].endswith("--override-gate REASON")
    assert not (data.parent / "run").exists()


def test_people_read_the_same_as_a_table(data):
    result = advisor(*started(data, "--dry-run"))
    assert result.exit_code == 0, result.output
    for words in ("learning_rate", "recipe ", "Before the first step", "0 (this machine)"):
        assert words in result.stdout


def test_without_a_gate_nothing_is_trained_but_with_a_reason_it_is(data):
    refused = advisor(*started(data))
    assert refused.exit_code == 1
    assert "--override-gate" in refused.output
    trained = planned(advisor(*started(data, "--override-gate", "I know what I do", "--json")))
    assert trained["trainer"] == "dry_run"
    assert any("I know what I do" in note for note in trained["notes"])


def test_without_data_and_folder_it_is_a_mistake_of_usage():
    result = advisor("train", "--dry-run")
    assert result.exit_code == 2
    assert "--run-dir" in result.output


def test_a_file_of_another_tool_is_the_plan_and_flags_win_over_it(data):
    file = CONFIGURATIONS / "axolotl-qlora.yaml"
    words = ("--plan", str(file), "--epochs", "2", "--seq-len", "128", "--dry-run", "--json")
    result = advisor(*started(data, "--model", "tiny", *words))
    plan = planned(result)["plan"]
    assert (plan["method"], plan["rank"], plan["alpha"], plan["epochs"]) == ("qlora", 32, 16, 2)
    assert plan["reasons"]["rank"] == "--plan axolotl-qlora.yaml"
    assert plan["reasons"]["epochs"] == "--epochs"
    assert "Left aside of axolotl-qlora.yaml" in result.stderr
    assert "datasets (line 9)" in result.stderr


def test_set_takes_every_spelling_and_auto_gives_a_field_back(data):
    words = ("--set", "per_device_train_batch_size=2", "--set", "lr_scheduler_type=cosine")
    plan = planned(advisor(*started(data, *words, "--dry-run", "--json")))["plan"]
    assert (plan["micro_batch_size"], plan["schedule"]) == (2, "cosine")
    planned(advisor(*started(data, *words, "--override-gate", "begun", "--json")))
    run = str(data.parent / "run")
    later = ("train", "--run-dir", run, "--set", "schedule=auto", "--dry-run", "--json")
    plan = planned(advisor(*later))["plan"]
    assert (plan["micro_batch_size"], plan["schedule"]) == (2, "linear")


def test_what_is_changed_later_is_estimated_again_and_agrees_everywhere(data):
    run = str(data.parent / "run")
    planned(advisor(*started(data, "--override-gate", "begun", "--json")))
    planned(advisor("train", "--run-dir", run, "--rank", "4", "--json"))
    found = planned(advisor("estimate", "--run-dir", run, "--json"))
    assert {o["plan"]["rank"] for o in found["options"] if o["method"] != "full"} == {4}


def test_an_estimate_in_a_run_can_change_one_value_alone(data):
    run = str(data.parent / "run")
    planned(advisor(*started(data, "--rank", "4", "--override-gate", "begun", "--json")))
    found = planned(advisor("estimate", "--run-dir", run, "--rank", "2", "--json"))
    lora = next(o["plan"] for o in found["options"] if o["method"] == "lora")
    assert (lora["rank"], lora["reasons"]["rank"]) == (2, "--rank")


def test_an_estimate_takes_a_file_too():
    file = CONFIGURATIONS / "llamafactory-lora.yaml"
    words = ("estimate", "--model", "8b", "--gpu", "h100", "--plan", str(file), "--rank", "32")
    (option,) = planned(advisor(*words, "--json"))["options"]
    plan = option["plan"]
    assert (plan["method"], plan["rank"], plan["sequence_length"]) == ("qlora", 32, 2048)
    assert plan["reasons"]["sequence_length"] == "--plan llamafactory-lora.yaml"
    assert plan["method_options"] == {"lora_plus": 16.0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "learning_rte=1"), "did you mean 'learning_rate'"),
        (("--set", "rank"), "not KEY=VALUE"),
        (("--set", "rank=0"), "rank"),
        (("--set", "rnak=auto"), "did you mean 'rank'"),
        (("--plan", "none.yaml"), "does not exist"),
        (("--set", "packing=true", "--set", "length_grouping=true"), "two answers"),
        (("--objective", "dpo"), "chosen"),
        (("--objective", "magic"), "magic"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(data, words, told):
    result = advisor(*started(data, *words, "--override-gate", "why not"))
    assert result.exit_code == 1, result.output
    assert told in result.output.replace("\n", " ")


def test_a_closed_gate_is_told_with_its_exit_code_and_the_way_out(data):
    run = str(data.parent / "run")
    words = ("--backend", "echo", "--trainer", "dry_run", "--target", "0.01", "--builders")
    ran = advisor("run", "--data", str(data), "--run-dir", run, *words, "zero_shot")
    assert ran.exit_code == 4, ran.output
    result = advisor("train", "--run-dir", run)
    assert result.exit_code == 4
    assert "--override-gate" in result.output
    words = ("--rank", "4", "--override-gate", "for a comparison", "--json")
    trained = planned(advisor("train", "--run-dir", run, *words))
    assert any("although the gate says" in note for note in trained["notes"])


def test_the_report_tells_of_a_training_that_no_gate_asked_for(data):
    planned(advisor(*started(data, "--override-gate", "to see", "--json")))
    run = data.parent / "run"
    found = planned(advisor("report", "--run-dir", str(run), "--json"))
    assert found["headline"].startswith("Trained without asking the gate")
    assert found["training"]["trainer"] == "dry_run"
    assert "to see" in (run / "report.html").read_text(encoding="utf-8")


def test_a_dry_run_tells_how_the_data_is_parted(data):
    result = advisor(*started(data, "--dry-run", "--json"))
    assert "60 samples: 36 to train on, 6 dev, 18 test held back." in result.stderr
    assert "Warning: The dev split has fewer than twenty samples" in result.stderr


def test_training_tells_how_the_data_is_parted_and_what_comes_next(data):
    result = advisor(*started(data, "--override-gate", "to see"))
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    assert "60 samples: 36 to train on, 6 dev, 18 test held back." in told
    assert "Warning: The dev split has fewer than twenty samples" in told
    run = data.parent / "run"
    assert f"advisor baseline --run-dir {run}" in told
    assert f"advisor verify --run-dir {run}" in told
    assert str(run / "training") in told.replace(" ", "")
    RunFolder(run).write(v.baselines(), Origin(stage="baseline"))
    assert [line.line for line in after_training(run)] == [f"advisor verify --run-dir {run}"]


def test_the_job_knows_the_recipes_rate_beside_the_one_that_was_asked_for(data, monkeypatch):
    jobs = []

    def train(job, **_):
        jobs.append(job)
        return v.train_result()

    monkeypatch.setattr("advisor.tuning.train", train)
    planned(advisor(*started(data, "--learning-rate", "50", "--override-gate", "x", "--json")))
    (job,) = jobs
    assert job.plan.learning_rate == 50
    assert 0 < job.usual_learning_rate < 0.1
