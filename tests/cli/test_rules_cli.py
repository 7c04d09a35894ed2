"""rules, decide and interview as a user calls them."""

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from advisor.artifacts import Origin, RunFolder
from advisor.cli.main import cli
from advisor.interview.answers import load_profile
from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from tests.fixtures import values as make

MANUALS = "task: {kind: question_answering}\nknowledge: {in_documents: true}\n"


def call(*words, code=0):
    result = CliRunner().invoke(cli, list(words), prog_name="advisor")
    assert result.exit_code == code, result.output
    return result


def document(*words, code=0):
    return json.loads(call(*words, "--json", code=code).stdout)


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text(MANUALS)
    return str(path)


def test_decide_tells_the_advice(answers):
    told = call("decide", "--profile", answers).stdout
    assert "RAG" in told
    assert "knowledge-in-documents" in told
    *lines, command = told.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert command.startswith("advisor ")


def test_decide_as_document(answers):
    found = document("decide", "--profile", answers)
    assert {"schema_version", "advisor_version", "as_of", "profile", "decision"} <= set(found)
    decision = found["decision"]
    assert decision["recommended"] == "rag"
    assert decision["approaches"][0]["probability_acceptable"] is None
    reason = decision["approaches"][0]["reasons"][0]
    assert {"rule_id", "effect", "strength", "because", "sources"} <= set(reason)
    assert {"fact", "from", "to", "then"} == set(decision["what_would_change_it"][0])
    assert {"fact", "question", "could_change"} <= set(decision["open_questions"][0])


def test_decide_takes_a_policy(answers, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("- {rule: knowledge-in-documents, off: true, reason: a trial}\n")
    found = document("decide", "--profile", answers, "--policy", str(policy))
    assert found["decision"]["recommended"] == "prompting"
    assert found["decision"]["policy"] == ["knowledge-in-documents is off: a trial"]


def test_decide_wants_one_of_two():
    call("decide", code=2)


def make_run(path, *stages):
    folder = RunFolder(path)
    folder.write(make.profile(), Origin(stage="profile"))
    if "gate" in stages:
        folder.write(make.gate_verdict("stop"), Origin(stage="gate"))
    return {p.name: p.read_bytes() for p in path.iterdir()}


def test_decide_on_a_run_before_and_after_measuring(tmp_path):
    before = make_run(tmp_path / "early")
    found = document("decide", "--run-dir", str(tmp_path / "early"))
    assert found["decision"]["trace"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "early").iterdir()} == before

    before = make_run(tmp_path / "late", "gate")
    found = document("decide", "--run-dir", str(tmp_path / "late"))
    expected = json.loads(before["5-gate.json"])["decision"]
    assert found["decision"] == expected
    assert {p.name: p.read_bytes() for p in (tmp_path / "late").iterdir()} == before


def test_decide_on_no_run_is_told(tmp_path):
    found = document("decide", "--run-dir", str(tmp_path / "nowhere"), code=1)
    assert "1-profile.json" in found["error"]["message"]
    assert not (tmp_path / "nowhere").exists()


def test_interview_from_answers_and_save(answers, tmp_path):
    saved = tmp_path / "saved.yaml"
    found = document("interview", "--answers", answers, "--save", str(saved))
    assert found["decision"]["recommended"] == "rag"
    assert load_profile(saved).knowledge.in_documents is True


def test_interview_without_a_terminal_names_the_flag():
    found = document("interview", code=1)
    assert "--answers" in found["error"]["hint"]


def test_rules_list_and_about():
    every = document("rules", "list")["rules"]
    assert len(every) == len(load_rulebook(rules_root()).rules)
    some = document("rules", "list", "--about", "rag")["rules"]
    assert 0 < len(some) < len(every)
    assert any("rag" in row["approaches"] for row in some)
    told = call("rules", "list").stdout
    assert max(len(line) for line in told.splitlines()) <= 80


def test_rules_show():
    found = document("rules", "show", "volatile-knowledge")
    assert found["rule"]["id"] == "volatile-knowledge"
    assert len(found["cases"]) == 5
    assert all(source["title"] for source in found["sources"])
    told = call("rules", "show", "volatile-knowledge").stdout
    assert "is at most 30" in told
    assert "Thirty-one days" in told


def test_rules_show_unknown():
    found = document("rules", "show", "volatile-knowlege", code=1)
    assert "did you mean 'volatile-knowledge'" in found["error"]["message"]


def test_rules_check(tmp_path):
    checked = document("rules", "check", str(rules_root()))["checked"]
    assert len(checked) == len(load_rulebook(rules_root()).rules)
    source = rules_root() / "decisions" / "volatile-knowledge.yaml"
    wrong = tmp_path / "volatile-knowledge.yaml"
    shutil.copy(source, wrong)
    wrong.write_text(wrong.read_text().replace("update_interval_days", "update_interval_day"))
    found = document("rules", "check", str(wrong), code=1)
    assert "did you mean 'knowledge.update_interval_days'" in found["error"]["message"]
    assert found["error"]["where"].endswith("volatile-knowledge.yaml:8")


def test_rules_explain(answers):
    found = document("rules", "explain", "--profile", answers)
    trace = {line["rule_id"]: line for line in found["trace"]}
    assert trace["knowledge-in-documents"]["outcome"] == "fires"
    assert trace["few-labels"] == {
        "rule_id": "few-labels",
        "outcome": "undetermined",
        "missing": ["data.labelled_samples"],
    }
    assert "undetermined" in call("rules", "explain", "--profile", answers).stdout


def test_decide_loads_no_ml_library(answers):
    probe = (
        "import sys; from advisor.cli.main import cli\n"
        f"cli(['decide', '--profile', {answers!r}, '--json'], standalone_mode=False)\n"
        "heavy = {'numpy', 'torch', 'transformers', 'scipy', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
