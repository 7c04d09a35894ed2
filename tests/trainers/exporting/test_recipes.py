"""A training written down for other engines says the same as those engines are told here."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from advisor import registry
from advisor.errors import PlanError
from advisor.schema.export import Exported, ExportJob
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines.recipes.trl import trl_config

STARTS = {
    "axolotl": 'axolotl train axolotl.yaml --num-processes 1 --base-model "$BASE"',
    "llamafactory": 'llamafactory-cli train llamafactory.yaml model_name_or_path="$BASE"',
    "trl": 'trl sft --config trl.yaml --model_name_or_path "$BASE"',
}


def exported(name: str, folder: Path, method: str = "lora", base: str = "") -> Exported:
    folder.mkdir()
    training = training_job(base or str(folder.parent), folder / "unused", method)
    job = ExportJob(
        model="unused", name="x", output_dir=str(folder), train_job=training, plan=training.plan
    )
    return registry.exporter(name).export(job, RecordingTools())


@pytest.mark.parametrize("name", STARTS)
def test_settings_rows_and_the_line_that_starts_it(name: str, tmp_path: Path):
    found = exported(name, tmp_path / "out")
    start = (tmp_path / "out" / "NOTES.txt").read_text().splitlines()[0]
    assert start == f"Start it in this folder: {STARTS[name]}"
    assert found.snippets[0].text == f"{STARTS[name]}\n"
    assert shlex.split(STARTS[name])[0] in ("axolotl", "llamafactory-cli", "trl")
    settings = yaml.safe_load((tmp_path / "out" / f"{name}.yaml").read_text())
    base = settings.get("base_model") or settings.get("model_name_or_path")
    assert base == "BASE"
    assert any("Set BASE to the folder of the base model" in note for note in found.notes)
    rows = [n for n in found.files if n.endswith("train.jsonl")]
    lines = (tmp_path / "out" / rows[0]).read_text().splitlines()
    assert len(lines) == 24
    assert "What is 7 plus two?" in lines[7]
    assert all(json.loads(line) for line in lines)
    assert "was not started" in found.unchecked[0]
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("base", ["house/tiny", "/cache/models--house--tiny/snapshots/abc"])
@pytest.mark.parametrize("name", STARTS)
def test_a_base_of_the_hub_stays_named(name: str, base: str, tmp_path: Path):
    found = exported(name, tmp_path / "out", base=base)
    assert "BASE" not in found.snippets[0].text
    settings = yaml.safe_load((tmp_path / "out" / f"{name}.yaml").read_text())
    assert "house/tiny" in (settings.get("base_model"), settings.get("model_name_or_path"))


def test_llamafactory_finds_the_rows_by_dataset_info(tmp_path: Path):
    found = exported("llamafactory", tmp_path / "out")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert {one["file_name"] for one in info.values()} <= set(found.files)


def test_trl_is_told_what_its_recipe_says(tmp_path: Path):
    exported("trl", tmp_path / "out", "dora")
    written = yaml.safe_load((tmp_path / "out" / "trl.yaml").read_text())
    training = training_job(str(tmp_path), tmp_path / "x", "dora")
    assert written == trl_config(training).values | {"model_name_or_path": "BASE"}
    assert written["use_dora"]


def test_what_an_engine_cannot_train_is_refused(tmp_path: Path):
    with pytest.raises(PlanError, match="TRL's command line has no 'sft' by 'boft'"):
        exported("trl", tmp_path / "out", "boft")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.ml
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of old names, which TRL still reads
def test_trl_itself_reads_the_settings(tmp_path: Path):
    from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser

    exported("trl", tmp_path / "out")
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
    told = ["--config", str(tmp_path / "out" / "trl.yaml"), "--use_cpu", "true"]
    told += ["--model_name_or_path", "/models/base"]
    script, settings, model = parser.parse_args_and_config(told)
    assert script.dataset_name == "data"
    assert settings.max_length == 128
    assert model.lora_r == 4
    assert model.model_name_or_path == "/models/base"
