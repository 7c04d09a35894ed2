"""Card and results of a run: what they say, and that other tools' keys are there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from advisor import __version__
from advisor.artifacts import RunFolder
from advisor.pipeline import Pipeline
from advisor.schema.run import RunSettings
from advisor.shipping.paperwork import licence_of, write_card, write_results
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes
from tests.fixtures.tiny_llama import edit_json

pytest.importorskip("scipy")

HARNESS_KEYS = {
    "results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples",
    "config", "date", "model_source", "model_name", "system_instruction", "task_hashes",
}  # fmt: skip
"""Of the harness's result files, version 0.4.13."""
RECORD_KEYS = {
    "schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info",
    "eval_library", "evaluation_results",
}  # fmt: skip
"""What Every Eval Ever requires of an aggregate record."""
LINE_KEYS = {
    "schema_version", "evaluation_id", "model_id", "evaluation_name", "sample_id",
    "interaction_type", "input", "output", "answer_attribution", "evaluation",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("papers")
    data = write_house_codes(root / "data.jsonl")
    answers = root / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")
    settings = RunSettings(
        name="codes",
        data=str(data),
        answers=str(answers),
        backend="echo",
        trainer="dry_run",
        target=0.9,
        builders=("zero_shot", "few_shot"),
        methods=("lora",),
    )
    space = Workspace(settings, RunFolder(root / "run"))
    Pipeline(space).run()
    (root / "shipped").mkdir()
    written = (*write_card(space, None, root / "shipped"), *write_results(space))
    return space, root / "shipped", written


def front_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_says_verdict_scores_data_and_licences(run):
    space, folder, _ = run
    card = (folder / "README.md").read_text()
    verification = json.loads((space.folder.path / "7-verify.json").read_text())
    front = front_of(card)
    tuned = verification["tuned"]
    metric = front["model-index"][0]["results"][0]["metrics"][0]
    assert (metric["type"], metric["value"]) == (tuned["metric"], round(tuned["value"], 4))
    assert front["library_name"] == "peft"
    assert front["license"] == "apache-2.0"  # as the hub spells it
    for wanted in (
        "## Verdict",
        "## Scores",
        "## Data",
        "no licence is named",
        space.dataset.digest,
        "Gate:",
    ):
        assert wanted in card
    assert str(space.folder.path) not in card


def test_no_text_of_the_data_is_in_the_card(run):
    space, folder, _ = run
    card = (folder / "README.md").read_text()
    assert not [s.id for s in space.samples if len(s.input) > 12 and s.input in card]


def test_results_are_as_the_harness_writes_them(run):
    space, _, written = run
    root = space.folder.path
    found = json.loads((root / "results/lm_eval/tuned/results.json").read_text())
    tuned = json.loads((root / "7-verify.json").read_text())["tuned"]
    assert set(found) >= HARNESS_KEYS
    assert found["results"]["codes"][f"{tuned['metric']},none"] == tuned["value"]
    lines = (root / "results/lm_eval/tuned/samples_codes.jsonl").read_text().splitlines()
    assert len(lines) == tuned["n"]
    assert sum(json.loads(line)[tuned["metric"]] for line in lines) / len(lines) == pytest.approx(
        tuned["value"]
    )
    assert {"results/lm_eval/few_shot/results.json"} <= set(written)


def test_shots_are_counted(run):
    root = run[0].folder.path
    shots = json.loads((root / "results/lm_eval/few_shot/results.json").read_text())["n-shot"]
    none = json.loads((root / "results/lm_eval/zero_shot/results.json").read_text())["n-shot"]
    assert shots["codes"] > none["codes"] == 0


def test_records_and_their_samples_belong_together(run):
    root = run[0].folder.path / "results" / "every_eval_ever"
    records = [p for p in root.rglob("*.json") if UUID(p.stem).version == 4]
    assert len(records) == 3
    for path in records:
        record = json.loads(path.read_text())
        assert set(record) >= RECORD_KEYS
        details = record["detailed_evaluation_results"]
        text = (root / details["file_path"]).read_bytes()
        assert details["checksum"] == hashlib.sha256(text).hexdigest()
        lines = [json.loads(line) for line in text.decode().splitlines()]
        assert details["total_rows"] == len(lines)
        result = record["evaluation_results"][0]
        assert {line["evaluation_result_id"] for line in lines} == {result["evaluation_result_id"]}
        assert {line["model_id"] for line in lines} == {record["model_info"]["id"]}
        assert all(set(line) >= LINE_KEYS for line in lines)
        told = result["score_details"]["uncertainty"]["confidence_interval"]
        assert told["lower"] <= result["score_details"]["score"] <= told["upper"]
    ids = {json.loads(p.read_text())["evaluation_id"] for p in records}
    assert len(ids) == len(records)


def results_of(space):
    """Every file of the results of a copy of the run, by its name."""
    write_results(space)
    root = space.folder.path / "results"
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_a_copied_run_gives_the_same_results(run, tmp_path):
    space = run[0]
    copy = RunFolder(Path(shutil.copytree(space.folder.path, tmp_path / "run")))
    shutil.rmtree(copy.path / "results")
    for path in copy.path.glob("*.json"):
        os.utime(path, (10**9, 10**9))
    found = results_of(Workspace(space.settings, copy))
    root = space.folder.path / "results"
    assert found
    assert found == {name: (root / name).read_text() for name in found}


def test_records_say_when_by_what_and_on_which_scale(run, tmp_path):
    space = run[0]
    copy = RunFolder(Path(shutil.copytree(space.folder.path, tmp_path / "run")))
    edit_json(copy.file("baseline"), as_of="2026-03-01")
    trained = json.loads(copy.file("train").read_text())
    served = trained["served_by"] | {"backend": "echo"}
    edit_json(copy.file("train"), served_by=served, versions={"echo": "1.2"})
    shutil.rmtree(copy.path / "results")
    found = results_of(Workspace(space.settings, copy))
    records = [
        json.loads(text)
        for name, text in found.items()
        if name.endswith(".json") and "evaluation_results" in text
    ]
    by_system = {
        r["evaluation_results"][0]["score_details"]["details"]["system"]: r for r in records
    }
    shots = by_system["few_shot"]
    assert shots["evaluation_timestamp"] == str(int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()))
    assert shots["model_info"]["inference_engine"] == {"name": "echo", "version": "1.2"}
    assert shots["eval_library"]["version"] == __version__
    assert len(records) == 2  # of another training the verification is no proof
    for record in records:
        (result,) = record["evaluation_results"]
        assert result["metric_config"]["score_type"] == "binary"


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"README.md": "---\nlicense: apache-2.0\n---\n# x\n"}, "apache-2.0"),
        ({"README.md": "---\nlicense: [a\n---\n"}, ""),
        ({"README.md": "no front"}, ""),
        ({"LICENSE": "\nMIT License\n\nCopyright"}, "MIT License (its file LICENSE)"),
        ({"MODEL_CARD.md": "# x\n\nLicence: Apache-2.0.\n"}, "Apache-2.0"),
        ({}, ""),
    ],
)
def test_a_licence_is_read_where_it_stands(tmp_path, files, licence):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert licence_of(tmp_path) == licence
