"""`advisor train --launcher`: the job that is written really trains the run folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from click.testing import CliRunner

from advisor.cli.launch import refuse_relative, sent
from advisor.cli.launch_install import installation, wheel_of
from advisor.cli.launch_submit import submitted
from advisor.cli.main import cli
from advisor.contracts import Launcher
from advisor.errors import InputError, TrainingError
from advisor.schema.launch import Launched
from advisor.schema.run import RunSettings
from tests.conformance.test_launchers import task
from tests.fixtures.cluster import cluster
from tests.fixtures.house_codes import write_house_codes
from trainers.launch.skypilot import SkyPilotLauncher
from trainers.launch.slurm import SlurmLauncher

if TYPE_CHECKING:
    from advisor.cli.screen import Screen


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "it's a $RUN; folder"


@pytest.fixture
def begun(tmp_path: Path, run_dir: Path) -> list[str]:
    """Words that train a run which has measured nothing."""
    data = write_house_codes(tmp_path / "data.jsonl")
    words = ["train", "--data", data, "--run-dir", run_dir, "--method", "lora"]
    return [*map(str, words), "--backend", "echo", "--override-gate", "a test of launching"]


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed there is named, so that no test but one builds a wheel."""
    monkeypatch.setenv("ADVISOR_INSTALL", "finetune-advisor")


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


SKY = """#!/bin/bash
echo "sky $@" >> "FOLDER/asked"
case "$1" in
  logs) exit "$(cat FOLDER/state)" ;;
  launch) echo "step 1"; exit "$(cat FOLDER/ends)" ;;
esac
"""
RSYNC = """#!/bin/bash
echo "rsync" >> "FOLDER/asked"
exit "$(cat FOLDER/copies)"
"""


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins whose exit codes lie in files."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("sky", SKY), ("rsync", RSYNC)):
        (tools / name).write_text(text.replace("FOLDER", str(tmp_path)))
        (tools / name).chmod(0o755)
    for name, code in (("state", "102"), ("ends", "0"), ("copies", "0")):
        (tmp_path / name).write_text(code)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return tmp_path


def submit(launcher: Launcher, folder: Path, run_dir: Path) -> Launched:
    job = task(run_dir=str(run_dir), nodes=1, gpus=1)
    screen = cast("Screen", SimpleNamespace(yes=True))
    return submitted(screen, launcher, launcher.write(job, folder))


def asked(sky: Path) -> list[str]:
    return [" ".join(line.split()[:2]) for line in (sky / "asked").read_text().splitlines()]


def test_a_rented_machine_goes_back_when_the_run_folder_is_here(sky: Path, run_dir: Path):
    assert submit(SkyPilotLauncher(), sky, run_dir).is_fetched
    assert asked(sky) == ["sky logs", "sky launch", "rsync", "sky down"]


def test_a_rented_job_that_fails_is_fetched_and_told(sky: Path, run_dir: Path):
    (sky / "ends").write_text("100")
    with pytest.raises(TrainingError, match="ended with an error: step 1"):
        submit(SkyPilotLauncher(), sky, run_dir)
    assert asked(sky)[-2:] == ["rsync", "sky down"]


def test_a_machine_stays_while_the_run_folder_is_not_back(sky: Path, run_dir: Path):
    (sky / "copies").write_text("12")
    with pytest.raises(TrainingError, match="may still cost money") as caught:
        submit(SkyPilotLauncher(), sky, run_dir)
    assert "sky down" in caught.value.hint
    assert asked(sky)[-1] == "rsync"


def test_a_second_job_of_a_run_is_refused(sky: Path, on_cluster: Path, run_dir: Path):
    (sky / "state").write_text("101")
    with pytest.raises(TrainingError, match="queued or running already"):
        submit(SkyPilotLauncher(), sky, run_dir)
    assert asked(sky) == ["sky logs"]
    (on_cluster / "queue").write_text("7 RUNNING\n")
    with pytest.raises(TrainingError, match="already: 7 RUNNING"):
        submit(SlurmLauncher(), on_cluster, run_dir)
    assert not (on_cluster / "job.log").exists()


def test_a_budget_reaches_the_job_with_a_price(begun):
    words = [*dry(begun), "--gpu", "h100", "--model", "8b", "--launcher"]
    script = Path(advisor(*words, "slurm")["files"][0]).read_text()
    assert "--usd-per-hour" not in script
    assert "#SBATCH --mem=80G" in script
    launched = advisor(*words, "slurm", "--budget-usd", "50")
    told = launched["usd_per_hour"]
    assert told > 0
    assert f"--usd-per-hour {told:.6g}'" in Path(launched["files"][0]).read_text()
    # The job keeps what it was told in the settings; that does not make it the user's price.
    launched = advisor(*words, "skypilot", "--usd-per-hour", str(told))
    price = float(launched["offer"]["usd_per_gpu_hour"]) * launched["offer"]["gpus"]
    job = Path(launched["files"][0]).read_text()
    assert f"--usd-per-hour {price:.6g}\n" in job
    assert price != told
    assert "ADVISOR_ALLOW_DOWNLOAD=1" in job  # a model known by name is fetched there
    assert any("downloaded there" in note for note in launched["notes"])


def test_folders_in_options_are_sent_with_their_base(tmp_path: Path):
    folder, reward, base = tmp_path / "run", tmp_path / "reward", tmp_path / "base"
    for place in (folder, reward, base):
        place.mkdir()
    (reward / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    settings = RunSettings(method_options={"reward": str(reward), "layers": 2})
    assert sent(settings, folder) == (str(folder), str(reward), str(base))


def test_a_folder_named_from_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "reward").mkdir(parents=True)
    with pytest.raises(InputError, match="starts in another one") as caught:
        refuse_relative(RunSettings(method_options={"reward": "runs/reward"}))
    assert str(tmp_path / "runs" / "reward") in caught.value.hint
    refuse_relative(RunSettings(method_options={"reward": "length", "judge": "org/name"}))


def test_a_checkout_is_sent_as_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source, folder = tmp_path / "source", tmp_path / "launch"
    (source / "toy").mkdir(parents=True)
    (source / "toy" / "__init__.py").write_text("")
    project = '[project]\nname = "toy"\nversion = "1"\n'
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (source / "pyproject.toml").write_text(project + build)
    monkeypatch.delenv("ADVISOR_INSTALL")
    origin = (source.as_uri(), "")
    monkeypatch.setattr("advisor.cli.launch_install._origin", lambda: origin)
    made = installation(folder)
    [wheel] = folder.glob("toy-1-*.whl")
    assert str(wheel) in made.command
    assert made.send == ()  # it lies in the run folder
    monkeypatch.setattr("advisor.cli.launch_install.sys.executable", "false")
    with pytest.raises(TrainingError, match="No wheel"):
        wheel_of(source, tmp_path / "none")


def test_an_installation_whose_source_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("ADVISOR_INSTALL")
    origin = ((tmp_path / "gone.whl").as_uri(), "")
    monkeypatch.setattr("advisor.cli.launch_install._origin", lambda: origin)
    with pytest.raises(TrainingError, match="which is gone"):
        installation(tmp_path)


def test_a_wheel_named_from_here_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.whl").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVISOR_INSTALL", "a.whl")
    made = installation(tmp_path / "run")
    assert made.send == (str(tmp_path / "a.whl"),)
    assert str(tmp_path / "a.whl") in made.command
