"""`advisor train --launcher`: the job that is written really trains the run folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.launch import sent
from advisor.cli.main import cli
from advisor.schema.run import RunSettings
from tests.fixtures.cluster import cluster
from tests.fixtures.house_codes import write_house_codes


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "it's a $RUN; folder"


@pytest.fixture
def begun(tmp_path: Path, run_dir: Path) -> list[str]:
    """Words that train a run which has measured nothing."""
    data = write_house_codes(tmp_path / "data.jsonl")
    words = ["train", "--data", data, "--run-dir", run_dir, "--method", "lora"]
    return [*map(str, words), "--backend", "echo", "--override-gate", "a test of launching"]


@pytest.fixture
def on_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{cluster(tmp_path)}:{os.environ['PATH']}")
    return tmp_path


@pytest.fixture
def without_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def advisor(*words: str, code: int = 0) -> dict:
    result = CliRunner().invoke(cli, [*map(str, words), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def dry(begun: list[str]) -> list[str]:
    return [*begun, "--trainer", "dry_run"]


def test_writes_the_job_and_says_how_to_start_it(begun, run_dir: Path):
    launched = advisor(*dry(begun), "--launcher", "slurm")
    assert Path(launched["files"][0]) == run_dir / "launch" / "slurm" / "train.sbatch"
    assert not launched["is_submitted"]
    assert launched["submit"][0][0] == "sbatch"
    assert not (run_dir / "6-train.json").exists()
    told = CliRunner().invoke(cli, [*dry(begun), "--launcher", "slurm"])
    assert "Start it with:" in told.stdout
    assert "sbatch" in told.stdout


@pytest.mark.parametrize("name", ["skypilot", "k8s", "torchrun"])
def test_every_launcher_sends_the_data(begun, run_dir: Path, tmp_path: Path, name: str):
    launched = advisor(*dry(begun), "--launcher", name)
    text = "".join(Path(file).read_text() for file in launched["files"])
    assert "--run-dir" in text
    if name != "torchrun":  # its machines see this one's files
        assert str(tmp_path / "data.jsonl") in text


def test_submitting_needs_consent(begun, on_cluster: Path):
    told = advisor(*dry(begun), "--launcher", "slurm", "--submit", code=1)
    assert told["error"]["type"] == "ConsentError"
    assert not (on_cluster / "job.log").exists()


def test_a_tool_that_is_missing_is_told_with_the_command(begun, without_tools):
    told = advisor(*dry(begun), "--launcher", "skypilot", "--submit", "--yes", code=1)
    assert "'sky' is not installed" in told["error"]["message"]
    assert "sky launch" in told["error"]["hint"]


def test_submit_alone_says_nothing(begun):
    told = CliRunner().invoke(cli, [*dry(begun), "--submit"])
    assert told.exit_code == 2
    assert "--launcher" in told.output


def test_an_unknown_launcher_is_told_with_those_there_are(begun):
    told = advisor(*dry(begun), "--launcher", "slumr", code=1)
    assert "Did you mean 'slurm'?" in told["error"]["message"]


def test_the_job_trains_the_folder(begun, run_dir: Path, on_cluster: Path):
    launched = advisor(*dry(begun), "--launcher", "slurm", "--submit", "--yes")
    assert launched["is_submitted"]
    assert launched["said"] == "Submitted batch job 7"
    assert json.loads((run_dir / "6-train.json").read_text())["trainer"] == "dry_run"


@pytest.mark.ml
@pytest.mark.slow
def test_the_job_trains_the_embedded_model(begun, run_dir: Path, on_cluster: Path):
    advisor(*begun, "--launcher", "slurm", "--submit", "--yes")
    trained = json.loads((run_dir / "6-train.json").read_text())
    assert trained["trainer"] == "trl"
    assert trained["steps"] > 1
    assert Path(trained["served_by"]["model"]).is_dir()
    again = advisor(*begun, "--launcher", "slurm", "--submit", "--yes")
    assert again["is_submitted"]
    assert json.loads((run_dir / "6-train.json").read_text()) == trained


def test_a_refused_job_is_told_in_the_tools_words(begun, on_cluster: Path):
    sbatch = on_cluster / "bin" / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n")
    told = advisor(*dry(begun), "--launcher", "slurm", "--submit", "--yes", code=1)
    assert "invalid partition" in told["error"]["message"]


def test_what_the_settings_name_is_sent_once(tmp_path: Path):
    folder, model = tmp_path / "run", tmp_path / "model"
    for place in (folder, model):
        place.mkdir()
    inside = folder / "data.jsonl"
    inside.write_text("")
    settings = RunSettings(data=str(inside), model=str(model), docs=str(tmp_path / "gone"))
    assert sent(settings, folder) == (str(folder), str(model))
    assert sent(RunSettings(data=str(inside)), folder) == (str(folder),)
