"""`advisor merge`: an adapter's folder made one with its base, and asked whether it is the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.artifacts import document
from advisor.cli.main import cli
from advisor.contracts import PluginInfo
from advisor.schema.combine import Combined, CombineRecord
from advisor.schema.export import Exported
from advisor.schema.train import Served
from advisor.shipping.exporting_folder import NO_TASK
from advisor.shipping.model_files import answers_digest
from tests.fixtures.tiny_llama import tiny_llama
from tests.trainers.exporting.tuned import contents, tuned_by

__all__ = ["tiny_llama"]


def told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["merge", *words])
    return result.exit_code, result.stdout if "--json" in words else result.output


def as_combination(folder: Path, verdict: str) -> None:
    """The record of a combination, put beside a model."""
    made = Combined(
        combiner="peft",
        how="cat",
        output_dir=str(folder),
        served_by=Served(backend="transformers", model=str(folder)),
    )
    record = CombineRecord(
        combined=made,
        models=("runs/one", "runs/two"),
        weights=(1.0, 0.5),
        verdict=verdict,
        weights_digest=answers_digest(folder),
    )
    (folder / "combine.json").write_text(json.dumps(document(record)))


@pytest.mark.ml
def test_an_adapters_folder_is_merged_and_checked(tiny_llama: str, tmp_path: Path):
    tuned_by("lora", tiny_llama, tmp_path / "tuned")
    as_combination(tmp_path / "tuned", "keep")
    before = contents(tmp_path / "tuned")
    code, output = told(
        str(tmp_path / "tuned"), "--out", str(tmp_path / "out"), "--check", "6", "--json", "--quiet"
    )
    record = json.loads(output)
    assert code == 0
    assert record["agreement"]["verdict"] == "same"
    assert record["agreement"]["n"] == 6
    told_scores = ("reference_score", "exported_score", "worse_by", "interval")
    assert [record["agreement"][name] for name in told_scores] == [None] * 4
    assert record["agreement"]["metric"] == ""
    assert NO_TASK in record["warnings"]
    assert record["exported"]["output_dir"] == str(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "export.json").read_text())["agreement"]["equal"] == 6
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert contents(tmp_path / "tuned") == before
    card = (tmp_path / "out" / "README.md").read_text()
    assert "It was **kept**" in card
    assert "| two | 0.5 |" in card
    assert "With 6 of 6 answers equal" in card
    assert str(tmp_path) not in card + (tmp_path / "out" / "export.json").read_text()
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
    ("verdict", "told_so"), [("discard", "says discard"), ("unverified", "was never verified")]
)
@pytest.mark.parametrize("command", ["merge", "export"])
def test_a_combination_that_was_not_kept_is_shipped_for_a_reason_only(
    tmp_path: Path, monkeypatch, command: str, verdict: str, told_so: str
):
    model = tmp_path / "both"
    model.mkdir()
    as_combination(model, verdict)
    words = [command, str(model), "--out", str(tmp_path / "out"), "--no-check", "--json"]
    if command == "export":
        words += ["--to", "merged"]
    refused = CliRunner().invoke(cli, words)
    assert refused.exit_code == 1
    assert told_so in json.loads(refused.stdout)["error"]["message"]
    assert not (tmp_path / "out").exists()
    made = []

    class Making:
        info = PluginInfo(id="merged", label="", needs=("weights",))

        def export(self, job, tools):
            made.append(job)
            return Exported(exporter="merged", output_dir=job.output_dir, files=())

    monkeypatch.setattr(registry, "exporter", lambda _name: Making())
    result = CliRunner().invoke(cli, [*words, "--anyway", "a demonstration"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["anyway"] == "a demonstration"
    assert told_so in record["warnings"][0]
    assert len(made) == 1
    assert "a demonstration" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name either a folder with an adapter, or a run by --run-dir."),
        (("a", "--run-dir", "b"), "Name either a folder with an adapter, or a run by --run-dir."),
        (("a",), "Missing option '--out'"),
        (("--run-dir", "a", "--instruction", "Be brief."), "--instruction is the run's own"),
        (("a", "--out", "b", "--anyway", "why"), "--anyway says nothing without --run-dir or a"),
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
