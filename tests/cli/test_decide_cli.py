"""`decide` writes 2-decide.json when it is given both a profile and a run folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.schema.decide import Advice


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "profile.yaml"
    path.write_text("task: {kind: extraction}\ndata: {labelled_samples: 2000}\n")
    return str(path)


def run(*words: str):
    return CliRunner().invoke(cli, ["decide", *words, "--json"])


def test_profile_and_run_dir_write_the_advice(profile: str, tmp_path: Path):
    result = run("--profile", profile, "--run-dir", str(tmp_path / "run"))
    assert result.exit_code == 0, result.stderr
    folder = RunFolder(tmp_path / "run")
    assert json.loads(result.stdout) == folder.raw("decide")
    advice = folder.read("decide", Advice)
    assert advice.profile.task.kind == "extraction"
    assert folder.origin("decide").stage == "decide"
    assert folder.freshness("decide") == "fresh"
    assert [p.name for p in folder.path.iterdir()] == ["2-decide.json"]


def test_profile_alone_writes_nothing(profile: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--profile", profile).exit_code == 0
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["profile.yaml"]


def test_neither_is_a_usage_error():
    assert run().exit_code == 2
