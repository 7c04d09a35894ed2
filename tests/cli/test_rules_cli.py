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
    assert max(len(line) for line in lines if answers not in line) <= 80
    assert command.startswith("advisor ")


def test_decide_as_document(answers):
    found = document("decide", "--profile", answers)
    assert {"schema_version", "advisor_version", "as_of", "profile", "decision"} <= set(found)
    decision = found["decision"]
    assert decision["recommended"] == "rag"
    assert 0 < decision["approaches"][0]["probability_acceptable"] <= 1
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


POLICY = """
- {rule: knowledge-in-documents, off: true, reason: a trial}
- {rule: cheap-first, strength: strong, reason: a trial}
- add:
    id: we-rent-no-gpus-from-anybody-outside-the-house
    when: {fact: task.kind, op: is, value: question_answering}
    then: [{effect: forbid, approach: fine_tuning}]
  reason: the contract says so
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return str(path)


def test_rules_list_and_about():
    every = document("rules", "list")["rules"]
    assert len(every) == len(load_rulebook(rules_root()).rules)
    some = document("rules", "list", "--about", "rag")["rules"]
    assert 0 < len(some) < len(every)
    assert any("rag" in row["approaches"] for row in some)


def test_rules_list_breaks_no_id_at_80_columns(policy):
    told = call("rules", "list", "--policy", policy).stdout
    assert max(len(line) for line in told.splitlines()) <= 80
    words = set(told.split())
    assert {row["id"] for row in document("rules", "list", "--policy", policy)["rules"]} <= words


def test_rules_list_marks_what_a_policy_does(policy):
    rows = document("rules", "list", "--policy", policy)["rules"]
    marks = {row["id"]: row["policy"] for row in rows if row["policy"]}
    assert marks == {
        "knowledge-in-documents": "off",
        "cheap-first": "reweighed",
        "we-rent-no-gpus-from-anybody-outside-the-house": "added",
    }
    told = call("rules", "list", "--policy", policy, "--about", "gpus-from").stdout
    assert "(added)" in told


def test_rules_show():
    found = document("rules", "show", "volatile-knowledge")
    assert found["rule"]["id"] == "volatile-knowledge"
    assert found["rule"]["status"] == "active"
    assert len(found["cases"]) >= 4
    assert all(source["title"] for source in found["sources"])
    told = call("rules", "show", "volatile-knowledge").stdout
    assert "volatile-knowledge: decision rule, active, since" in told
    assert "is at most" in told
    assert set(found["cases"][0]["name"].split()) <= set(told.split())


def test_rules_show_an_added_rule(policy):
    name = "we-rent-no-gpus-from-anybody-outside-the-house"
    assert document("rules", "show", name, "--policy", policy)["policy"] == "added"
    told = call("rules", "show", name, "--policy", policy).stdout
    assert f"{name}: decision rule, active, yours" in " ".join(told.split())
    assert "The policy file: added." in told
    assert "the contract says so" in told


def test_a_retired_rule_says_what_replaced_it():
    from advisor.render.rules import show_rule
    from tests.fixtures.rulebooks import STYLE, favour, rule
    from tests.fixtures.screens import screen

    old = rule("old", STYLE, favour("rag")).model_copy(
        update={"status": "retired", "replaced_by": "new"}
    )
    told = screen(show_rule, old, (), {})
    assert "It no longer speaks; replaced by new." in told


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
    assert "volatile-knowledge.yaml:" in found["error"]["where"]


def test_rules_check_reads_a_policy(policy, tmp_path):
    assert document("rules", "check", policy)["policy"] == [
        "knowledge-in-documents is off: a trial",
        "cheap-first is weighed as strong: a trial",
        "we-rent-no-gpus-from-anybody-outside-the-house is added: the contract says so",
    ]
    assert "The policy holds." in call("rules", "check", policy).stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(POLICY.replace("task.kind", "task.kid"))
    found = document("rules", "check", str(wrong), code=1)
    assert "did you mean 'task.kind'" in found["error"]["message"]
    assert found["error"]["where"].endswith("wrong.yaml:6")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("is, value: question_answering", "is, value: chat}, {any: []", "`any` of nothing"),
        ("effect: forbid, approach", "effect: forbid, aproach", "unknown key 'aproach'"),
        ("rule: cheap-first", "rule: local-data", "has no strength to weigh anew"),
    ],
)
def test_rules_check_tells_one_fault_once(old, new, words, tmp_path):
    text = POLICY.replace("{fact: task.kind", "{all: [{fact: task.kind").replace(
        "question_answering}", "question_answering}]}"
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text)
    assert document("rules", "check", str(wrong))["policy"]
    assert old in text
    wrong.write_text(text.replace(old, new))
    message = document("rules", "check", str(wrong), code=1)["error"]["message"]
    assert words in message
    assert "faults in" not in message


def test_rules_explain(answers):
    found = document("rules", "explain", "--profile", answers)
    trace = {line["rule_id"]: line for line in found["trace"]}
    assert trace["knowledge-in-documents"]["outcome"] == "fires"
    assert trace["knowledge-in-documents"]["facts"]["knowledge.in_documents"] is True
    silent = next(line for line in found["trace"] if line["outcome"] == "silent")
    assert silent["facts"]
    open_one = next(line for line in found["trace"] if line["outcome"] == "undetermined")
    assert open_one["missing"]
    assert len(trace) == len([r for r in load_rulebook(rules_root()).rules if r.status == "active"])
    told = call("rules", "explain", "--profile", answers).stdout
    for word in ("Fires: ", "Undetermined: ", "Silent: ", "unknown ", "task.kind = "):
        assert word in told
    assert max(len(line) for line in told.splitlines()) <= 80


def test_rules_explain_takes_a_policy_and_a_run(answers, policy, tmp_path):
    found = document("rules", "explain", "--profile", answers, "--policy", policy)
    trace = {line["rule_id"]: line for line in found["trace"]}
    assert "knowledge-in-documents" not in trace
    assert found["off"] == ["knowledge-in-documents"]
    told = call("rules", "explain", "--profile", answers, "--policy", policy).stdout
    assert "Switched off by the policy file: 1" in told
    assert told.index("Switched off") < told.index("knowledge-in-documents: ")
    assert "Switched off" not in call("rules", "explain", "--profile", answers).stdout
    assert trace["we-rent-no-gpus-from-anybody-outside-the-house"]["outcome"] == "fires"
    make_run(tmp_path / "run")
    assert document("rules", "explain", "--run-dir", str(tmp_path / "run"))["trace"]
    call("rules", "explain", code=2)


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
