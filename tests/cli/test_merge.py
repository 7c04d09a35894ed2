"""`advisor merge`: an adapter's folder made one with its base, and asked whether it is the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.tiny_llama import tiny_llama
from tests.trainers.exporting.tuned import contents, tuned_by

__all__ = ["tiny_llama"]


def told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["merge", *words])
    return result.exit_code, result.stdout if "--json" in words else result.output


@pytest.mark.ml
def test_an_adapters_folder_is_merged_and_checked(tiny_llama: str, tmp_path: Path):
    tuned_by("lora", tiny_llama, tmp_path / "tuned")
    before = contents(tmp_path / "tuned")
    code, output = told(
        str(tmp_path / "tuned"), "--out", str(tmp_path / "out"), "--check", "6", "--json", "--quiet"
    )
    record = json.loads(output)
    assert code == 0
    assert record["agreement"]["verdict"] == "same"
    assert record["agreement"]["n"] == 6
    assert record["exported"]["output_dir"] == str(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "export.json").read_text())["agreement"]["equal"] == 6
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert contents(tmp_path / "tuned") == before
    assert {path.name for path in tmp_path.iterdir()} == {"tuned", "out"}
    code, output = told(str(tmp_path / "tuned"), "--out", str(tmp_path / "out"), "--json")
    assert code == 1
    assert "holds something already" in json.loads(output)["error"]["message"]


@pytest.mark.ml
def test_what_cannot_be_merged_leaves_nothing(tiny_llama: str, tmp_path: Path):
    tuned_by("prompt", tiny_llama, tmp_path / "tuned")
    code, output = told(str(tmp_path / "tuned"), "--out", str(tmp_path / "out"))
    assert code == 1
    assert "trained tokens before the prompt" in " ".join(output.split())
    shutil.rmtree(tmp_path / "tuned")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name either a folder with an adapter, or a run by --run-dir."),
        (("a", "--run-dir", "b"), "Name either a folder with an adapter, or a run by --run-dir."),
        (("a",), "Missing option '--out'"),
        (("--run-dir", "a", "--instruction", "Be brief."), "--instruction is the run's own"),
        (("a", "--out", "b", "--anyway", "why"), "--anyway says nothing without --run-dir."),
        (("a", "--out", "b", "--no-check", "--check", "3"), "contradict each other"),
        (("a", "--out", "b", "--dtype", "int4"), "'int4' is not one of"),
    ],
)
def test_contradictions_are_usage_errors(words: tuple[str, ...], sentence: str):
    code, output = told(*words)
    assert code == 2
    assert sentence in " ".join(output.split())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    code, output = told(str(tmp_path / "none"), "--out", str(tmp_path / "out"), "--json")
    assert code == 1
    assert "There is no folder" in json.loads(output)["error"]["message"]
