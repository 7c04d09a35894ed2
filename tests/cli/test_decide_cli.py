"""`decide` writes 2-decide.json when it is given both a profile and a run folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.artifacts import Origin, RunFolder
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


def shown(*words: str) -> str:
    result = CliRunner().invoke(cli, ["decide", *words])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_screen_ends_in_the_command_that_leads_on(profile: str):
    *_, title, command = shown("--profile", profile).rstrip().splitlines()
    assert title.startswith("Next command")
    assert command.startswith("advisor ")
    assert command.split()[1] in {"baseline", "run", "estimate"}


def test_verbose_shows_every_setting_with_its_rule(profile: str):
    short, whole = shown("--profile", profile), shown("--profile", profile, "-v")
    assert "`advisor decide -v`" in short
    assert "What the gate will ask" not in short
    assert "What the gate will ask" in whole
    assert "with the rule behind each" in whole


def test_no_colour_and_no_escape_sequence_where_nobody_watches(profile: str, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown("--profile", profile)


def test_the_document_hands_over_settings_builders_and_criteria(tmp_path: Path):
    path = tmp_path / "profile.yaml"
    path.write_text(
        "task: {kind: extraction, target: 0.8}\ndata: {labelled_samples: 2000}\n"
        "model: {parameters_billion: 8}\nconstraints: {budget_usd: 50}\n"
    )
    decision = json.loads(run("--profile", str(path)).stdout)["decision"]
    assert decision["methods"][0] == "lora"
    assert decision["builders"] == ["zero_shot", "few_shot", "few_shot_similar"]
    assert {"key", "value", "rule_id", "because"} == set(decision["settings"][0])
    asked = {c["rule_id"]: c["asked"] for c in decision["criteria"]}
    assert "80 %" in asked["target-not-met"]
    assert "$50" in asked["within-budget"]


def test_in_a_run_folder_the_next_command_goes_on_there(profile: str, tmp_path: Path):
    folder = tmp_path / "run"
    run("--profile", profile, "--run-dir", str(folder))
    advice = RunFolder(folder).read("decide", Advice)
    RunFolder(folder).write(advice.profile, Origin(stage="profile"))
    last = shown("--run-dir", str(folder)).rstrip().splitlines()[-1]
    assert last == f"advisor run --run-dir {folder}"


def test_words_to_be_replaced_are_named(tmp_path: Path):
    path = tmp_path / "profile.yaml"
    path.write_text("task: {kind: question_answering}\nknowledge: {in_documents: true}\n")
    *_, title, command = shown("--profile", str(path)).rstrip().splitlines()
    assert title == "Next command (put your own for SAMPLES.jsonl and DOCUMENTS):"
    assert "SAMPLES.jsonl" in command


def test_an_added_rule_that_could_not_be_decided_is_told(profile: str, tmp_path: Path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "- add: {id: our-rule, when: {fact: knowledge.must_cite, op: is, value: true},"
        " then: [{effect: favour, approach: rag, strength: strong}]}\n  reason: auditors ask\n"
    )
    out = " ".join(shown("--profile", profile, "--policy", str(policy)).split())
    assert "our-rule does not speak yet: knowledge.must_cite is unknown" in out


def test_the_hint_on_open_questions_names_the_file(profile: str):
    assert f"advisor interview --answers {profile}" in shown("--profile", profile)


def test_hints_and_the_next_command_keep_the_policy(profile: str, tmp_path: Path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("- {rule: cheap-first, off: true, reason: x}\n")
    words = ["decide", "--profile", profile, "--policy", str(policy)]
    lines = CliRunner().invoke(cli, words).stdout.splitlines()
    commands = [
        line for line in lines if "advisor interview --" in line or "advisor baseline --" in line
    ]
    assert len(commands) == 2
    assert all(f"--policy {policy}" in line for line in commands)


def test_where_tuning_is_ruled_out_nothing_is_to_be_priced(tmp_path: Path):
    path = tmp_path / "answers.yaml"
    path.write_text(
        "task: {kind: extraction}\ndata: {labelled_samples: 300}\nmachine: {gpus: 0}\n"
        "constraints: {must_stay_local: true}\nmodel: {parameters_billion: 8}\n"
    )
    found = json.loads(run("--profile", str(path)).stdout)["decision"]
    assert (found["methods"], found["settings"]) == ([], [])
    out = CliRunner().invoke(cli, ["decide", "--profile", str(path)]).stdout
    assert "Price" not in out
    assert "Settings" not in out
    assert "Measure" in out
