"""A combination is shipped as it was verified, and asked what its tasks ask; by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from advisor.cli.main import cli
from advisor.evaluation.runner import prepare
from advisor.shipping.exporting_folder import IN_PLACE, PACKAGED
from advisor.workspace import DEFAULT_INSTRUCTION
from tests.fixtures.tiny_llama import edit_json, tiny_llama
from tests.shipping.test_combining import made

pytestmark = pytest.mark.ml
__all__ = ["made", "tiny_llama"]


@pytest.fixture(scope="module")
def combined(made, tmp_path_factory) -> Path:
    """A real combination of two runs, verified on both; the verdict alone is put to keep."""
    place = tmp_path_factory.mktemp("combined")
    for run in made:
        shutil.copytree(run, place / run.name)
    runs = [str(place / run.name) for run in made]
    edit_json(place / "letters" / "run.json", instruction="Say the code of the letter.")
    told = CliRunner().invoke(cli, ["combine", *runs, "--how", "svd", "--out", str(place / "both")])
    assert told.exit_code == 5, told.output
    edit_json(place / "both" / "combine.json", verdict="keep")
    return place / "both"


@pytest.fixture
def both(combined, tmp_path) -> Path:
    """A copy beside nothing: its runs lie where they lay."""
    return Path(shutil.copytree(combined, tmp_path / "both"))


def told(command: str, *words: object) -> tuple[int, dict]:
    result = CliRunner().invoke(cli, [command, *map(str, words), "--json", "--quiet"])
    return result.exit_code, json.loads(result.stdout)


def other_weights(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    weights = {name: tensor + 1e-3 for name, tensor in load_file(file).items()}
    save_file(weights, file, {"format": "pt"})


def other_scale(folder: Path) -> None:
    alpha = json.loads((folder / "adapter_config.json").read_text())["lora_alpha"]
    edit_json(folder / "adapter_config.json", lora_alpha=2 * alpha)


def other_template(folder: Path) -> None:
    file = folder / "chat_template.jinja"
    file.write_text(file.read_text() + " ")


@pytest.mark.parametrize("swap", [other_weights, other_scale, other_template])
@pytest.mark.parametrize("command", [("merge",), ("export", "--to", "vllm")])
def test_what_was_swapped_after_verification_is_not_shipped(both, tmp_path, command, swap):
    swap(both)
    code, found = told(*command, both, "--out", tmp_path / "out", "--no-check")
    assert code == 1
    assert found["error"]["type"] == "StaleArtifactError"
    assert "its weights are not those that were verified" in found["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_a_record_that_tells_no_digest_proves_nothing(both, tmp_path):
    edit_json(both / "combine.json", weights_digest="")
    code, found = told("merge", both, "--out", tmp_path / "out", "--no-check")
    assert (code, found["error"]["type"]) == (1, "StaleArtifactError")


def test_what_is_shipped_for_a_reason_is_not_called_kept(both, tmp_path):
    other_weights(both)
    words = ("--out", tmp_path / "out", "--no-check", "--anyway", "a try")
    code, found = told("export", both, "--to", "vllm", *words)
    assert code == 0
    assert found["verification"] == ""
    card = (tmp_path / "out" / "README.md").read_text()
    assert "not verified" in card
    assert "**kept**" not in card
    assert "| letters |" not in card.partition("## Verdict")[2]
    shipped = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert not [file for file in shipped if str(both.parent) in file.read_text(errors="replace")]


def test_it_is_asked_on_the_tasks_of_its_runs(both, tmp_path, monkeypatch):
    asked = []

    def prepared(*words):
        asked.append(prepare(*words))
        return asked[-1]

    monkeypatch.setattr("advisor.shipping.certifying.prepare", prepared)
    words = ("--dtype", "float32", "--check", "3")
    code, found = told("merge", both, "--out", tmp_path / "out", *words)
    assert code == 0, found
    assert list(found["agreements"]) == ["letters", "parcels"]
    for one in found["agreements"].values():
        assert (one["verdict"], one["n"], one["metric"]) == ("same", 3, "exact_match")
        assert one["reference_score"] is not None
    systems = [{one.messages[0].content for one in ready.prompts} for ready in asked]
    own, plain = {"Say the code of the letter."}, {DEFAULT_INSTRUCTION}
    assert systems == [own, own, plain, plain]  # both models, one task after the other
    assert (found["agreement"]["n"], found["agreement"]["verdict"]) == (6, "same")
    assert found["agreement"]["worse_by"] is None
    assert not [one for one in found["warnings"] if "ackaged" in one]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Asked the same 3 questions of parcels as the combination" in card


def test_a_judge_that_costs_money_is_told_before_anything_is_written(both, tmp_path):
    run = Path(json.loads((both / "base.json").read_text())["tasks"]["parcels"])
    place = Path(shutil.copytree(run, tmp_path / "parcels"))
    edit_json(place / "run.json", metric="judge", judge_model="dear-one", judge_backend="openai")
    places = {"letters": str(run.parent / "letters"), "parcels": str(place)}
    edit_json(both / "base.json", tasks=places)
    code, found = told("merge", both, "--out", tmp_path / "out")
    assert (code, found["error"]["type"]) == (1, "ConsentError")
    assert not (tmp_path / "out").exists()


def test_where_a_run_is_gone_packaged_questions_stand_in_for_it(both, tmp_path):
    places = json.loads((both / "base.json").read_text())["tasks"]
    edit_json(both / "base.json", tasks=places | {"parcels": str(tmp_path / "nowhere")})
    words = ("--dtype", "float32", "--check", "2")
    code, found = told("merge", both, "--out", tmp_path / "out", *words)
    assert code == 0, found
    assert list(found["agreements"]) == ["letters", PACKAGED]
    assert found["agreements"][PACKAGED]["metric"] == ""
    assert found["agreements"][PACKAGED]["reference_score"] is None
    assert (
        "Not asked on the samples of parcels: its run folder is not where it was."
        in (found["warnings"])
    )
    assert IN_PLACE in found["warnings"]
