"""One model of two runs: verified on both, written whole or not at all, refused in words.

The runs are made with the echo backend and the dry-run trainer; what they tuned are real adapters
of a miniature model, so that combining, opening and verifying are what users get.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from advisor import test_ledger
from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.errors import (
    ConsentError,
    InputError,
    MissingArtifactError,
    ModelFolderError,
    PlanError,
    StaleArtifactError,
    StorageError,
)
from advisor.kept_settings import load_settings, save_settings
from advisor.pipeline import Pipeline
from advisor.schema.run import RunSettings
from advisor.shipping.combining import CombineWish, combine_runs, read_part
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes
from tests.fixtures.tiny_llama import edit_json, make_tiny_llama, tiny_llama
from tests.fixtures.tuned_parts import make_adapter, make_whole

pytestmark = pytest.mark.ml
__all__ = ["tiny_llama"]


MADE: list[tuple[Path, Path]] = []
"""The two runs, once there are: another module asks for them too."""


def finished_run(place: Path, name: str, adapter: Path) -> Path:
    """A run up to its verification, whose tuned model is the adapter."""
    data = write_house_codes(place / f"{name}.jsonl")
    data.write_text(data.read_text().replace("word", name))
    (place / "answers.yaml").write_text("output: {house_format: true, strict_format: true}\n")
    settings = RunSettings(
        name=name,
        data=str(data),
        answers=str(place / "answers.yaml"),
        backend="echo",
        trainer="dry_run",
        builders=("zero_shot",),
        methods=("lora",),
        target=0.9,
        limit=8,
        use_probes=False,
        max_new_tokens=2,
    )
    run = place / name
    pipeline = Pipeline(Workspace(settings, RunFolder(run)))
    save_settings(settings, pipeline.folder)
    pipeline.gate()
    pipeline.train()
    served = {"backend": "transformers", "model": str(adapter), "settings": {}}
    edit_json(run / "6-train.json", served_by=served)
    pipeline.verify()
    return run


@pytest.fixture(scope="module")
def made(tiny_llama, tmp_path_factory) -> tuple[Path, Path]:
    if MADE:
        return MADE[0]
    place = tmp_path_factory.mktemp("runs")
    first = make_adapter(tiny_llama, place / "a", seed=1)
    second = make_adapter(tiny_llama, place / "b", seed=2)
    MADE.append((finished_run(place, "letters", first), finished_run(place, "parcels", second)))
    return MADE[0]


@pytest.fixture
def runs(made, tmp_path) -> tuple[Path, Path]:
    """Copies that a test may change; a moved folder opens."""
    return tuple(Path(shutil.copytree(run, tmp_path / run.name)) for run in made)  # type: ignore[return-value]


def combine(*words: object) -> Result:
    return CliRunner().invoke(cli, ["combine", *map(str, words)])


def wish(out: Path, **more) -> CombineWish:
    return CombineWish(how=more.pop("how", "svd"), out=out, **more)


def edit_inputs(file: Path, **changes: str) -> None:
    """What a document says that it was made from."""
    told = json.loads(file.read_text())["artifact"]
    edit_json(file, artifact=told | {"inputs": told["inputs"] | changes})


def test_one_command_combines_and_verifies_on_both_tasks(runs, tmp_path):
    out = tmp_path / "out"
    result = combine(*runs, "--how", "svd", "--weights", "1,0.5", "--out", out, "--json")
    assert result.exit_code == 5, result.output
    told = json.loads(result.stdout)
    assert told["verdict"] == "inconclusive"
    assert list(told["verifications"]) == [str(run) for run in runs]
    assert told["combined"]["how"] == "svd"
    assert told["combined"]["served_by"]["model"] == str(out)
    kept = json.loads((out / "combine.json").read_text())
    assert kept["against_parts"] == {run.name: told["against_parts"][str(run)] for run in runs}
    assert list(kept["verifications"].values()) == list(told["verifications"].values())
    assert kept["models"] == [run.name for run in runs]
    assert '"text"' not in json.dumps(kept)
    assert json.loads((out / "base.json").read_text())["tasks"] == {r.name: str(r) for r in runs}
    for file in (one for one in out.iterdir() if one.name != "base.json"):
        content = file.read_text(errors="replace")
        assert str(tmp_path) not in content, file
        assert "code of" not in content
    for run in runs:
        whole = json.loads((run / "combinations" / "out.json").read_text())
        assert len(whole["tuned"]["scores"]) == 8
        assert told["verifications"][str(run)]["tuned"]["scores"] == []
        assert whole["tuned"]["value"] == told["verifications"][str(run)]["tuned"]["value"]
        against = told["against_parts"][str(run)]
        assert (against["a"], against["b"], against["n"]) == ("tuned alone", "combined", 8)
        assert any(
            warning.startswith(f"{run.name}: 0.0 % combined against 0.0 % tuned alone")
            for warning in told["warnings"]
        )
    assert not [place for place in tmp_path.iterdir() if place.name.startswith(".out")]


def test_the_screen_tells_verdict_scores_and_way_and_each_look_is_counted(runs, tmp_path):
    parts = [read_part(run) for run in runs]
    before = [test_ledger.uses(part.space.split_record.test_digest) for part in parts]
    result = combine(*runs, "--how", "linear", "--out", tmp_path / "out")
    assert result.exit_code == 5, result.output
    for words in (
        "Not enough to tell",
        "Tuned alone",
        "letters",
        "linear, by peft, rank 4",
    ):
        assert words in result.output
    after = [test_ledger.uses(part.space.split_record.test_digest) for part in parts]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1]


def test_without_verification_nothing_is_asked_and_nothing_claimed(runs, tmp_path):
    result = combine(*runs, "--how", "dare", "--out", tmp_path / "out", "--no-verify", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["verdict"] == "unverified"
    assert told["verifications"] == {}


def test_models_folders_alone_are_unverified_and_do_not_pass(runs, tmp_path):
    models = [read_part(run).model for run in runs]
    result = combine(*models, "--how", "ties", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 5, result.output
    assert json.loads(result.stdout)["verdict"] == "unverified"


def test_a_part_without_a_run_is_named_as_unknown(runs, tmp_path):
    parts = [read_part(runs[0]), read_part(read_part(runs[1]).model)]
    record = combine_runs(parts, wish(tmp_path / "out"))
    assert list(record.verifications) == [str(runs[0])]
    assert any("Not verified" in warning for warning in record.warnings)


def test_a_part_that_was_never_verified_says_so(runs, tmp_path):
    (runs[0] / "7-verify.json").unlink()
    record = combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert list(record.against_parts) == [str(runs[1])]
    assert any("never verified" in warning for warning in record.warnings)


def test_a_part_whose_weights_are_no_longer_those_verified_says_so(runs, tmp_path):
    edit_inputs(runs[0] / "7-verify.json", weights="0" * 16)
    record = combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert list(record.against_parts) == [str(runs[1])]
    assert any("not those that were verified" in warning for warning in record.warnings)


def test_data_that_changed_is_told_before_any_work(runs, tmp_path):
    data = tmp_path / "other.jsonl"
    data.write_text(Path(load_settings(RunFolder(runs[0])).data).read_text().replace("K1-", "L1-"))
    edit_json(runs[0] / "run.json", data=str(data))
    with pytest.raises(StaleArtifactError, match="data file changed") as caught:
        combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert "--no-verify" in caught.value.hint
    assert not (tmp_path / "out").exists()
    unproved = wish(tmp_path / "out", is_verified=False)
    assert combine_runs([read_part(run) for run in runs], unproved).verdict == "unverified"


def test_a_training_that_is_stale_is_told(runs, tmp_path):
    edit_inputs(runs[0] / "6-train.json", data="0" * 16)
    record = combine_runs([read_part(run) for run in runs], wish(tmp_path / "o", is_verified=False))
    assert [one for one in record.warnings if "stale" in one] == [
        "letters: its training is stale: something that it was made from has changed since."
    ]


def test_what_would_cost_money_is_told_before_any_work(runs, tmp_path, monkeypatch):
    from advisor.shipping import combining

    monkeypatch.setattr(combining, "combiner_of", lambda _job: None)  # nothing is combined
    edit_json(runs[0] / "run.json", metric="judge", judge_model="dear-one", judge_backend="openai")
    with pytest.raises(ConsentError, match="asks dear-one") as told:
        combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert "--no-verify" in told.value.hint
    assert not (tmp_path / "out").exists()


def test_a_baseline_whose_rest_would_cost_money_is_told_before_any_work(
    runs, tmp_path, monkeypatch
):
    from advisor.shipping import combining

    monkeypatch.setattr(combining, "combiner_of", lambda _job: None)  # nothing is combined
    edit_json(runs[1] / "run.json", backend="openai", model="dear-one", base_url="http://x.test/v1")
    known = json.loads((runs[1] / "4-baseline.json").read_text())
    cut = [one | {"ended": "decided"} for one in known["evaluations"]]
    edit_json(runs[1] / "4-baseline.json", evaluations=cut)
    with pytest.raises(ConsentError, match="stopped early, and asking dear-one the rest"):
        combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))


def test_a_run_without_baselines_is_told_before_any_work(runs, tmp_path):
    (runs[1] / "4-baseline.json").unlink()
    with pytest.raises(MissingArtifactError, match="no baselines"):
        combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(runs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(StorageError, match="holds something"):
        combine_runs([read_part(run) for run in runs], wish(tmp_path / "out"))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine"]


def test_nothing_half_written_is_left_when_combining_fails(runs, tmp_path):
    with pytest.raises(PlanError, match="Nothing is left"):
        combine_runs(
            [read_part(run) for run in runs], wish(tmp_path / "out", how="ties", density=1e-6)
        )
    assert not (tmp_path / "out").exists()
    assert not [place for place in tmp_path.iterdir() if place.name.startswith(".out")]


def test_an_adapter_and_a_whole_model_do_not_go_together(runs, tmp_path):
    whole = make_whole(tmp_path / "whole", seed=1)
    with pytest.raises(PlanError, match="only like goes with like"):
        combine_runs([read_part(runs[0]), read_part(whole)], wish(tmp_path / "out"))


def test_adapters_of_other_bases_are_refused_by_name(runs, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    base = make_tiny_llama(tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    save_file({k: v + torch.ones(()) for k, v in weights.items()}, base / "model.safetensors")
    other = make_adapter(str(base), tmp_path / "other", seed=1)
    with pytest.raises(PlanError, match="different bases"):
        combine_runs([read_part(runs[0]), read_part(other)], wish(tmp_path / "out"))


def test_the_same_part_twice_and_one_alone_are_no_combination(runs, tmp_path):
    for parts in ((runs[0],), (runs[0], runs[0])):
        with pytest.raises(InputError, match="two different models"):
            combine_runs([read_part(part) for part in parts], wish(tmp_path / "out"))


LOADED = """
import sys
from click.testing import CliRunner
from advisor.cli.main import cli
print(CliRunner().invoke(cli, ["combine", *sys.argv[1:], "--how", "svd", "--out", "o"]).output)
print(sorted({name.partition(".")[2] for name in sys.modules if name.startswith("advisor.")}))
"""


@pytest.mark.parametrize("parts", [["one"], ["one", "./one"]])
def test_one_part_alone_is_refused_before_any_stage_is_loaded(tmp_path, parts):
    (tmp_path / "one").mkdir()
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *parts], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode()
    assert "two different models or more" in " ".join(told.split())
    for heavy in ("shipping", "pipeline", "stages", "workspace"):
        assert f"'{heavy}" not in told
    assert "'cli.combine'" in told


def test_weights_are_read_before_the_parts(tmp_path):
    words = ("--how", "svd", "--weights", "1", "--out", tmp_path / "o")
    assert "1 numbers for 2" in combine(tmp_path / "a", tmp_path / "b", *words).output


def test_a_run_that_trained_nothing_and_a_folder_that_is_none(runs, tmp_path):
    (runs[1] / "6-train.json").unlink()
    with pytest.raises(MissingArtifactError, match="6-train"):
        read_part(runs[1])
    with pytest.raises(ModelFolderError, match="no folder"):
        read_part(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    told = combine(runs[0], tmp_path / "empty", "--how", "linear", "--out", tmp_path / "out")
    assert told.exit_code == 1
    assert "empty' holds no model" in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("weights", "words"), [("1", "1 numbers for 2"), ("1,x", "numbers by comma")]
)
def test_weights_that_do_not_fit_are_told(weights, words, runs, tmp_path):
    result = combine(*runs, "--how", "svd", "--out", tmp_path / "out", "--weights", weights)
    assert result.exit_code == 1
    assert words in result.output
