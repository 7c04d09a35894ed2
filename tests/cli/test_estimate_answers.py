"""`advisor estimate --answers`: methods, settings and limits come from the advice, flags win."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

WORDS = ("estimate", "--model", "8b", "--gpu", "h100", "--as-of", "2026-11-25")


@pytest.fixture
def answers(tmp_path) -> str:
    path = tmp_path / "answers.yaml"
    path.write_text(
        "task: {kind: extraction}\ndata: {labelled_samples: 300}\nconstraints: {budget_usd: 50}\n"
    )
    return str(path)


def document(*words: str):
    result = CliRunner().invoke(cli, [*WORDS, *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_advice_names_methods_settings_and_samples(answers):
    options = document("--answers", answers)["options"]
    assert {option["method"] for option in options} == {"lora"}
    plan = options[0]["plan"]
    assert plan["examples"] == 300
    rules = [why for why in plan["reasons"].values() if why.startswith("rule ")]
    assert rules
    assert any("(rule " in line for line in options[0]["assumptions"])


def test_flags_win_over_the_advice(answers):
    options = document("--answers", answers, "--method", "full", "--epochs", "1")["options"]
    assert {option["method"] for option in options} == {"full"}
    assert options[0]["plan"]["epochs"] == 1
    assert options[0]["plan"]["reasons"]["epochs"] == "--epochs"


def test_the_screen_names_the_rules_behind_the_plan(answers):
    out = CliRunner().invoke(cli, [*WORDS, "--answers", answers]).stdout
    assert "Advised" in out
    assert "rank-for-ordinary-data" in out


def test_an_answers_file_that_is_not_there_is_told():
    result = CliRunner().invoke(cli, [*WORDS, "--answers", "nope.yaml", "--json"])
    assert result.exit_code == 1
    assert "nope.yaml" in result.stdout


def test_a_policy_changes_the_advice_behind_the_plan(answers, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("- {rule: rank-for-ordinary-data, off: true, reason: we measured rank 8}\n")
    told = document("--answers", answers, "--policy", str(policy))["options"][0]["plan"]["reasons"]
    assert told["rank"] != "rule rank-for-ordinary-data"


def test_a_policy_without_answers_is_a_usage_error():
    assert CliRunner().invoke(cli, [*WORDS, "--policy", "p.yaml"]).exit_code == 2


def test_advice_that_rules_tuning_out_is_told_before_the_figures(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text(
        "task: {kind: extraction}\ndata: {labelled_samples: 0}\nmachine: {gpus: 0}\n"
        "constraints: {must_stay_local: true}\n"
    )
    against, assumed = document("--answers", str(path))["beforehand"]
    assert "rules tuning out (local-without-a-card" in against
    assert assumed.startswith("1000 samples are assumed")
    out = CliRunner().invoke(cli, [*WORDS, "--answers", str(path)]).stdout
    assert out.index("rules tuning out") < out.index("Method")
    assert len(document("--answers", str(path), "--examples", "50")["beforehand"]) == 1


def test_advice_for_tuning_with_samples_says_nothing_beforehand(answers):
    assert document("--answers", answers)["beforehand"] == []
