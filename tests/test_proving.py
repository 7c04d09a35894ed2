"""A proof is of the weights in the run folder, and what was tolerated of one model is not of all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.kept_settings import load_settings
from advisor.pipeline import Pipeline
from advisor.schema.run import RunSettings
from advisor.schema.verify import Verification
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")

REASON = "It only ever writes codes."


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run to the end on the echo backend, trained dry."""
    root = tmp_path_factory.mktemp("proof")
    answers = root / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")
    settings = RunSettings(
        name="codes", data=str(write_house_codes(root / "data.jsonl")), backend="echo",
        trainer="dry_run", target=0.9, builders=("zero_shot", "few_shot"), methods=("lora",),
        answers=str(answers),
    )  # fmt: skip
    Pipeline(Workspace(settings, RunFolder(root / "run"))).run()
    return root / "run"


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of it, beside the one that it was copied from."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def weights(run: Path) -> Path:
    (found,) = (run / "training").glob("*/*/dry_run.json")
    return found


def wrecked(run: Path) -> None:
    """Weights after which every answer is the same word."""
    known = json.loads(weights(run).read_text())
    known["rows"] = [row | {"target": "nonsense"} for row in known["rows"]]
    weights(run).write_text(json.dumps(known))


def verified(run: Path, *words: str) -> tuple[Verification, str]:
    done = CliRunner().invoke(cli, ["verify", "--run-dir", str(run), *words])
    assert done.exit_code in (0, 5), done.output
    return RunFolder(run).read("verify", Verification), done.output


def made(run: Path) -> list[str]:
    folder = RunFolder(run)
    pipeline = Pipeline(Workspace(load_settings(folder), folder))
    pipeline.verify()
    return pipeline.made


def test_a_copied_run_is_proved_on_its_own_weights(run, finished):
    wrecked(run)
    assert weights(finished).read_text() != weights(run).read_text()
    (run / "7-verify.json").unlink()
    answers = {score.completion.text for score in verified(run)[0].tuned.scores}
    assert answers == {"nonsense"}


def test_other_weights_are_proved_again_and_the_same_ones_are_not(run):
    assert made(run) == []
    wrecked(run)
    folder = RunFolder(run)
    told = Pipeline(Workspace(load_settings(folder), folder)).report().warnings
    assert (
        "The tuned model's weights changed after they were verified; run `advisor verify`." in told
    )
    assert made(run) == ["verify"]
    assert made(run) == []


def test_weights_that_lie_elsewhere_only_are_read_there_and_told(run, finished):
    place = str(weights(finished).parent)
    inside = CliRunner().invoke(cli, ["report", "--run-dir", str(run)])
    assert inside.exit_code == 0, inside.output
    assert place not in (run / "report.md").read_text()
    shutil.rmtree(run / "training")
    (run / "7-verify.json").unlink()
    told = " ".join(verified(run)[0].warnings)
    assert f"read from {place}: this run folder has none" in told


def test_what_is_tolerated_of_one_model_is_not_of_the_next(run):
    assert verified(run, "--tolerate", REASON)[0].tolerated == REASON
    again, _ = verified(run)
    assert again.tolerated == REASON
    wrecked(run)
    other, _ = verified(run)
    assert other.tolerated == ""
    assert "What --tolerate was said for was another tuned model" in " ".join(other.warnings)
    assert verified(run, "--tolerate", REASON)[0].tolerated == REASON


def test_changed_data_are_told_beside_the_verdict(run, finished):
    data = Path(load_settings(RunFolder(run)).data)
    plain = verified(run)[1]
    assert "changed after the run was measured" not in plain
    kept = data.read_text()
    try:
        data.write_text("".join(kept.splitlines(keepends=True)[:-1]))
        assert "Warning: The data file changed after the run was measured" in verified(run)[1]
        data.unlink()
        assert "Warning: What the run was measured on can no longer be read" in verified(run)[1]
    finally:
        data.write_text(kept)
