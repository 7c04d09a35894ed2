"""The promises behind the contract `Launcher`, kept by every registered launcher."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from advisor import registry
from advisor.contracts import Launcher
from advisor.schema.launch import LaunchTask

ODD = "/srv/it's $HOME; a run"
SECRET = "hf_never_in_a_file"


def task(**changes) -> LaunchTask:
    base = {
        "name": "advisor-0123abcd",
        "command": ("advisor", "train", "--run-dir", ODD, "--yes"),
        "run_dir": ODD,
        "send": (ODD, "/srv/data.jsonl"),
        "gpu": "h100",
        "gpu_name": "NVIDIA H100 SXM",
        "gpus": 8,
        "nodes": 2,
        "hours": 3.2,
        "setup": ("python3 -m pip install --quiet finetune-advisor",),
        "variables": ("HF_TOKEN",),
        "settings": {"ADVISOR_PLANNED_GPU": "h100"},
    }
    return LaunchTask(**base | changes)


@pytest.fixture(params=registry.names("advisor.launchers"))
def launcher(request: pytest.FixtureRequest) -> Launcher:
    return registry.get("advisor.launchers", request.param)


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_writes_what_it_names_and_nothing_else(launcher: Launcher, tmp_path: Path):
    launched = launcher.write(task(), tmp_path / "job")
    assert launched.launcher == launcher.info.id
    assert {str(tmp_path / "job" / name) for name in files(tmp_path / "job")} == set(launched.files)
    assert {p.name for p in tmp_path.iterdir()} == {"job"}
    assert not launched.is_submitted


def test_the_same_task_gives_the_same_files(launcher: Launcher, tmp_path: Path):
    launcher.write(task(), tmp_path / "a")
    launcher.write(task(), tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_no_secret_is_written(launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    launched = launcher.write(task(), tmp_path)
    assert SECRET not in "".join(files(tmp_path).values())
    assert SECRET not in launched.model_dump_json()


def test_starts_with_its_own_tool(launcher: Launcher, tmp_path: Path):
    launched = launcher.write(task(), tmp_path)
    assert launched.submit
    assert all(words[0] == launched.tool for words in launched.submit)


def test_runs_advisor_itself_in_the_folder_however_odd_its_name(launcher: Launcher, tmp_path: Path):
    launcher.write(task(nodes=1, gpus=1, variables=()), tmp_path)
    written = "".join(files(tmp_path).values())
    assert "advisor train --run-dir" in written
    assert "ADVISOR_PLANNED_GPU=h100" in written


def test_machines_are_told_where_they_meet(launcher: Launcher, tmp_path: Path):
    launcher.write(task(), tmp_path / "two")
    both = "".join(files(tmp_path / "two").values())
    assert "ADVISOR_RDZV_ENDPOINT" in both
    assert "ADVISOR_NODE_RANK" in both
    launcher.write(task(nodes=1, gpus=4), tmp_path / "one")
    assert "ADVISOR_RDZV_ENDPOINT" not in "".join(files(tmp_path / "one").values())


def test_shell_scripts_are_shell(launcher: Launcher, tmp_path: Path):
    launched = launcher.write(task(), tmp_path)
    for file in launched.files:
        if Path(file).suffix in {".sh", ".sbatch"}:
            subprocess.run(["bash", "-n", file], check=True)
    for words in (*launched.submit, *launched.fetch):
        assert tuple(shlex.split(shlex.join(words))) == words
