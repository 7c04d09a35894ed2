"""Stage by stage through the commands, on the echo backend and the dry-run trainer."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


@pytest.fixture
def data(tmp_path):
    return write_house_codes(tmp_path / "data.jsonl")


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


def advisor(*words, code=0):
    result = CliRunner().invoke(cli, [*map(str, words), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def measured(data, run_dir, tmp_path):
    """Baselines measured by the stage command alone."""
    answers = tmp_path / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")
    words = ["--data", data, "--answers", answers, "--target", 0.9, "--backend", "echo"]
    words += ["--trainer", "dry_run", "--builders", "zero_shot,few_shot", "--method", "lora"]
    return advisor("baseline", *words, "--run-dir", run_dir)


def test_baseline_shows_the_target_it_is_measured_for(measured):
    assert measured["target"] == 0.9


def test_every_stage_by_its_own_command(measured, run_dir):
    estimate = advisor("estimate", "--run-dir", run_dir)
    assert estimate["model"]["id"] == "tiny"
    assert estimate["options"][0]["gpu"] == "local"
    assert advisor("gate", "--run-dir", run_dir)["verdict"] == "train"
    assert advisor("train", "--run-dir", run_dir)["trainer"] == "dry_run"
    advisor("verify", "--run-dir", run_dir, code=5)
    report = advisor("report", "--run-dir", run_dir)
    assert report["verification"] is not None
    assert (run_dir / "report.html").is_file()


def test_quiet_leaves_the_remarks_out(measured, run_dir):
    advisor("train", "--run-dir", run_dir, "--override-gate", "to see it")
    for command in ("verify", "report"):
        words = [command, "--run-dir", str(run_dir)]
        loud, quiet = (CliRunner().invoke(cli, [*words, *more]) for more in ((), ("--quiet",)))
        assert "\n! " in loud.output
        assert "\n! " not in quiet.output
        assert "tuned" in quiet.output


def test_gate_without_an_estimate_makes_it_first(measured, run_dir):
    told = CliRunner().invoke(cli, ["gate", "--run-dir", str(run_dir)])
    assert told.exit_code == 0, told.output
    assert "Estimated first: 3-estimate.json" in told.stderr
    assert "No estimate was made" not in told.output
    assert (run_dir / "3-estimate.json").is_file()
    again = CliRunner().invoke(cli, ["gate", "--run-dir", str(run_dir)])
    assert "Estimated first" not in again.output


def test_gate_without_an_estimate_on_changed_data_is_an_error_and_no_verdict(
    measured, data, run_dir
):
    data.write_text("\n".join(data.read_text().splitlines()[1:]) + "\n")
    told = advisor("gate", "--run-dir", run_dir, code=1)
    assert told["error"]["type"] == "StaleArtifactError"
    assert "advisor run --run-dir" in told["error"]["hint"]
    assert not (run_dir / "3-estimate.json").exists()
    assert not (run_dir / "5-gate.json").exists()


def last_line(*words):
    """The command that a command's screen ends in."""
    result = CliRunner().invoke(cli, [*map(str, words)])
    return result.stdout.splitlines()[-1].strip()


def test_every_command_ends_in_the_next_one(measured, run_dir):
    assert last_line("baseline", "--run-dir", run_dir) == f"advisor estimate --run-dir {run_dir}"
    assert last_line("estimate", "--run-dir", run_dir) == f"advisor gate --run-dir {run_dir}"
    assert last_line("baseline", "--run-dir", run_dir) == f"advisor gate --run-dir {run_dir}"
    no = ("gate", "--run-dir", run_dir, "--target", 0)
    assert last_line(*no) == f"advisor report --run-dir {run_dir}"
    assert last_line("gate", "--run-dir", run_dir) == f"advisor train --run-dir {run_dir}"


@pytest.mark.parametrize(("metric", "warned"), [("exact_match", True), ("token_f1", False)])
def test_exact_match_on_free_text_is_warned_of(data, run_dir, tmp_path, metric, warned):
    answers = tmp_path / "chat.yaml"
    answers.write_text("task: {kind: chat}\n")
    words = ["--data", data, "--answers", answers, "--backend", "echo", "--metric", metric]
    words += ["--trainer", "dry_run", "--builders", "zero_shot", "--method", "lora"]
    where = ["--run-dir", run_dir]
    found = [advisor("baseline", *words, *where)]
    found += [advisor("gate", *where, code=4), advisor("run", *where, code=4)]
    for document in found:
        told = [line for line in document["warnings"] if "--metric token_f1" in line]
        assert len(told) == warned
    shown = CliRunner().invoke(cli, ["baseline", "--run-dir", str(run_dir)]).output
    assert ("cannot score free text" in " ".join(shown.split())) is warned


def test_a_report_before_the_gate_shows_what_there_is(measured, run_dir):
    report = advisor("report", "--run-dir", run_dir)
    assert report["gate"] is None
    assert report["baselines"] is not None


def test_other_prices_do_not_make_measurements_stale(measured, run_dir):
    advisor("estimate", "--run-dir", run_dir)
    advisor("gate", "--run-dir", run_dir)
    again = advisor("estimate", "--run-dir", run_dir, "--as-of", "2026-11-24")
    assert again["prices_as_of"] == "2026-11-24"
    assert advisor("gate", "--run-dir", run_dir)["verdict"] == "train"
    assert advisor("train", "--run-dir", run_dir)["trainer"] == "dry_run"


def test_an_estimate_of_another_model_does_not_get_into_the_run(measured, run_dir):
    told = advisor("estimate", "--model", "7b", "--run-dir", run_dir, code=1)
    assert "works on the model 'tiny'" in told["error"]["message"]


def test_a_plan_for_another_machine_is_not_trained_here(measured, run_dir):
    advisor("estimate", "--run-dir", run_dir, "--gpu", "h100")
    advisor("gate", "--run-dir", run_dir)
    told = advisor("train", "--run-dir", run_dir, code=1)
    assert "h100" in told["error"]["message"]
    assert not (run_dir / "6-train.json").exists()


def test_changed_data_is_told_and_stops_training(measured, data, run_dir):
    advisor("estimate", "--run-dir", run_dir)
    advisor("gate", "--run-dir", run_dir)
    data.write_text("\n".join(data.read_text().splitlines()[1:]) + "\n")
    told = advisor("train", "--run-dir", run_dir, code=1)
    assert told["error"]["type"] == "StaleArtifactError"
    report = advisor("report", "--run-dir", run_dir)
    assert any("data file changed" in warning for warning in report["warnings"])
    assert all(f["input"] is None for f in report["failures"])


def test_a_moved_run_folder_can_be_verified(measured, run_dir, tmp_path):
    advisor("estimate", "--run-dir", run_dir)
    advisor("gate", "--run-dir", run_dir)
    advisor("train", "--run-dir", run_dir)
    moved = tmp_path / "elsewhere"
    shutil.move(run_dir, moved)
    advisor("verify", "--run-dir", moved, code=5)


def test_a_mistaken_setting_is_not_kept(measured, run_dir):
    advisor("gate", "--run-dir", run_dir, "--policy", "nope.yaml", code=1)
    advisor("report", "--run-dir", run_dir)


def test_training_refuses_when_the_gate_says_no(measured, run_dir):
    advisor("estimate", "--run-dir", run_dir)
    assert advisor("gate", "--run-dir", run_dir, "--target", "0", code=4)["verdict"] == "stop"
    advisor("train", "--run-dir", run_dir, code=4)
    assert not (run_dir / "6-train.json").exists()


def test_dry_run_shows_the_plan_and_trains_nothing(measured, run_dir):
    advisor("estimate", "--run-dir", run_dir)
    advisor("gate", "--run-dir", run_dir)
    assert advisor("train", "--run-dir", run_dir, "--dry-run")["plan"]["rank"] == 16
    assert not (run_dir / "6-train.json").exists()


@pytest.mark.parametrize("target", ["nan", "inf", "2", "-1"])
def test_a_target_outside_its_range_is_a_usage_error(measured, run_dir, target):
    assert advisor("gate", "--run-dir", run_dir, "--target", target, code=2)


def test_an_unknown_gpu_is_told_before_anything_is_measured(data, run_dir):
    words = ["--data", data, "--gpu", "h1000", "--backend", "echo", "--run-dir", run_dir]
    told = advisor("run", *words, code=1)
    assert told["error"]["type"] == "UnknownGpuError"
    assert not (run_dir / "run.json").exists()


def test_without_a_run_folder_a_new_one_is_made(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--data", data, "--backend", "echo", "--trainer", "dry_run", "--builders", "zero_shot"]
    first = advisor("profile", *words)
    second = advisor("profile", *words)
    assert first["data"] == second["data"]
    folders = sorted((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    assert all(folder.name.split("-", 2)[2].startswith("data") for folder in folders)


def test_a_mistaken_first_call_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = advisor("run", "--data", "nope.jsonl", code=1)
    assert told["error"]["type"] == "DatasetError"
    assert {path.name for path in tmp_path.iterdir()} <= {"advisor-home"}, "its caches alone"


def test_estimate_and_gate_end_in_the_command_that_leads_on(measured, run_dir):
    def last_line(*words):
        return CliRunner().invoke(cli, [*words, "--run-dir", str(run_dir)]).stdout.splitlines()[-1]

    assert last_line("estimate") == f"advisor gate --run-dir {run_dir}"
    assert last_line("gate") == f"advisor train --run-dir {run_dir}"
    assert last_line("gate", "--target", "0") == f"advisor report --run-dir {run_dir}"


def test_a_run_on_local_data_estimates_at_home_alone(data, run_dir, tmp_path):
    answers = tmp_path / "answers.yaml"
    answers.write_text("output: {house_format: true}\nconstraints: {must_stay_local: true}\n")
    words = ("--data", data, "--answers", answers, "--backend", "echo", "--trainer", "dry_run")
    advisor("baseline", *words, "--run-dir", run_dir)
    found = advisor("estimate", "--run-dir", run_dir)
    assert {option["offer"]["kind"] for option in found["options"]} == {"own"}
    assert not any(found[name] for name in ("hosted", "serving", "break_even"))
    assert found["warnings"][0].startswith("Your answers keep the data on your own machines")
