"""`advisor interview` line by line: answers kept, measured facts, editing, JSON, told mistakes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.asking_plain import PlainAsker
from advisor.cli.main import cli
from advisor.cli.screen import Screen
from advisor.interview.answers import load_profile
from advisor.resources import rules_root
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.load import load_facts

KNOWN = "task: {kind: chat, needs_style: false}\nknowledge: {in_documents: false}\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("known.yaml").write_text(KNOWN)
    return tmp_path


def told(*words: str):
    """The interview where nothing can be asked."""
    return CliRunner().invoke(cli, ["interview", *words])


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the interview in an empty folder as if on a terminal, with these lines typed."""
    monkeypatch.setattr(Screen, "may_ask", property(lambda _: True))

    def run(typed: str, *words: str):
        return CliRunner().invoke(cli, ["interview", *words], input=typed)

    return run


def test_the_end_of_input_keeps_what_was_answered(ask):
    result = ask("1\n", "--save", "mine.yaml")
    assert result.exit_code == 130
    assert load_profile(Path("mine.yaml")).provenance
    assert "advisor interview --answers mine.yaml --save mine.yaml" in result.stderr


def test_ctrl_c_keeps_what_was_answered_and_names_file_and_command(ask, monkeypatch):
    typed = iter(["1"])

    def answer(_self, _question):
        try:
            return next(typed)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(PlainAsker, "ask", answer)
    Path("interview-answers.yaml").write_text("mine\n")
    result = ask("", "--language", "de", "--json")
    assert result.exit_code == 130
    hint = shlex.split(json.loads(result.stdout)["error"]["hint"])
    saved = Path(hint[hint.index("--answers") + 1])
    assert saved == Path("interview-answers-2.yaml")
    assert hint[hint.index("--save") + 1] == str(saved)
    assert hint[hint.index("--language") + 1] == "de"
    stated = set(stated_facts(load_profile(saved)))
    assert len([fact for fact in stated if not fact.startswith("machine.")]) == 1
    assert Path("interview-answers.yaml").read_text() == "mine\n"


def test_nothing_answered_writes_nothing(ask):
    result = ask("", "--answers", "known.yaml", "--save", "mine.yaml")
    assert result.exit_code == 130
    assert [path.name for path in Path().iterdir() if path.is_file()] == ["known.yaml"]


def test_a_new_interview_does_not_take_the_place_of_older_answers(ask):
    Path("mine.yaml").write_text(KNOWN)
    result = ask("chat\nstop\n", "--save", "mine.yaml")
    assert result.exit_code == 1
    assert "--answers mine.yaml" in result.stderr
    assert Path("mine.yaml").read_text() == KNOWN


def test_an_interview_to_the_end_saves_shows_and_names_the_next_command(ask):
    result = ask("stop\n", "--save", "mine.yaml")
    assert result.exit_code == 0
    assert "1. " in result.stderr
    assert "Why: " in result.stderr
    last = result.stdout.splitlines()
    place = last.index("Next command:")
    assert last[place - 1] == "Answers saved: mine.yaml"
    assert last[place + 1].startswith("  advisor ")
    assert "advisor interview --answers mine.yaml --edit" in last[-1]


def test_answers_are_saved_by_themselves_and_the_command_has_the_file(ask):
    result = ask("stop\n", "--json")
    shown = json.loads(result.stdout)
    assert shown["answers"] == "interview-answers.yaml"
    assert Path("interview-answers.yaml").is_file()
    if shown["decision"]["recommended"] is None:
        assert shown["next_command"] == "advisor interview --answers interview-answers.yaml"


def test_dont_know_survives_in_the_file_and_is_not_asked_again(ask):
    first = ask("\nstop\n", "--save", "mine.yaml")
    assert first.exit_code == 0
    unknown = load_profile(Path("mine.yaml")).unknown
    assert len(unknown) == 1
    question = first.stderr.split("1. ")[1].splitlines()[0]
    again = ask("stop\n", "--answers", "mine.yaml")
    assert question not in again.stderr


def test_the_review_is_numbered_and_takes_a_change(ask):
    result = ask(
        "review\n2\nyes\nstop\n\n",
        "--answers",
        "known.yaml",
    )
    assert result.exit_code == 0
    assert "Your answers" in result.stderr
    assert " 1  task: a conversation (chat) (answered)" in result.stderr
    assert load_profile(Path("interview-answers.yaml")).knowledge.in_documents is True


def test_a_wrong_line_of_the_review_is_told(ask):
    result = ask("review\n99\n\n", "--answers", "known.yaml")
    assert result.exit_code == 0
    assert "'99' is none of the answers above" in result.stderr


def test_what_may_be_typed_is_said_once_at_whatever_is_asked_first(ask):
    said = "At any question you may also type: why, back, review, stop."
    assert ask("\n\n\nstop\n").stderr.count(said) == 1
    first = ask("stop\n", "--answers", "known.yaml", "--edit", "must_cite")
    assert first.stderr.count(said) == 1


@pytest.mark.parametrize("leave", ["b", "q", "back"])
def test_leaving_the_review_leads_back_to_the_question_and_changes_nothing(ask, leave):
    result = ask(f"chat\nreview\n{leave}\nstop\n", "--save", "mine.yaml")
    assert result.exit_code == 0
    assert result.stderr.count("2. How many inputs") == 2
    assert load_profile(Path("mine.yaml")).task.kind == "chat"


def test_the_review_explains_itself_and_takes_what_was_not_asked(ask):
    result = ask("chat\nreview\n?\nf\nmust_cite\nyes\nq\nstop\n", "--save", "mine.yaml")
    assert result.exit_code == 0
    assert "Every answer with where it comes from." in result.stderr
    assert "source must be named: Must an answer name its source?" in result.stderr
    assert " 2  samples with an answer: How many inputs" in result.stderr
    assert load_profile(Path("mine.yaml")).knowledge.must_cite is True


def test_rows_after_the_tenth_can_be_typed(ask):
    names = [fact.id for fact in load_facts(rules_root()) if fact.question]
    row = names.index("knowledge.must_cite") + 1
    assert row > 10
    Path("all.yaml").write_text(f"unknown: [{', '.join(names)}]\n")
    result = ask(f"{row}\nyes\nq\n", "--answers", "all.yaml", "--save", "mine.yaml")
    assert result.exit_code == 0
    assert "There are no further questions." in result.stderr
    assert load_profile(Path("mine.yaml")).knowledge.must_cite is True


def test_what_later_stages_go_by_is_asked_at_the_end_with_the_reason(ask):
    result = ask("\n" * 60, "--answers", "known.yaml", "--save", "mine.yaml")
    assert result.exit_code == 0
    told = " ".join(result.stderr.split())
    assert "Lastly, what the next steps (estimate, gate) go by." in told
    assert "The gate holds the measured scores to it" in told
    last = ("constraints.must_stay_local", "constraints.budget_usd", "task.target")
    assert set(last) <= set(load_profile(Path("mine.yaml")).unknown)


def test_what_nobody_knew_is_named_with_the_command_to_answer_it(ask):
    result = ask("\n" * 60, "--answers", "known.yaml", "--save", "mine.yaml")
    told = " ".join(result.stdout.split())
    assert "You did not know" in told
    assert "score to be reached" in told
    assert "Nothing is left" not in result.stderr
    assert "Answers that could change it" not in result.stdout


def test_who_knows_nothing_is_not_sent_in_circles(ask):
    result = ask("\n" * 60, "--json", "--save", "mine.yaml")
    command = json.loads(result.stdout)["next_command"]
    assert command == "advisor interview --answers mine.yaml --edit task.kind"
    end = ask("q\n", "--answers", "mine.yaml").stdout
    shown = " ".join(end.replace("│", " ").split())
    assert "answer it: task; samples with an answer" in shown
    again = ask("2\nstop\n", *shlex.split(command)[2:])
    assert "What is the task?" in again.stderr
    assert load_profile(Path("mine.yaml")).task.kind == "classification"


def test_the_command_is_explained_down_to_the_form_of_a_row(ask):
    Path("none.yaml").write_text(KNOWN + "data: {labelled_samples: 0}\n")
    result = ask("stop\n", "--answers", "none.yaml")
    assert "advisor baseline --data SAMPLES.jsonl --answers none.yaml" in result.stdout
    assert '{"prompt": "...", "completion": "..."}' in result.stdout
    assert "Write at least 30 such rows first" in result.stdout


def test_answers_that_contradict_each_other_are_remarked_at_once(folder):
    Path("known.yaml").write_text(KNOWN + "constraints: {must_stay_local: true}\n")
    result = told("--answers", "known.yaml", "--edit", "constraints.hosting=hosted_api")
    assert result.exit_code == 0
    assert "This does not go together" in result.stderr


def test_what_data_documents_and_model_tell_is_not_asked(ask, folder):
    rows = [{"prompt": f"text {n}", "completion": f"label {n % 4}"} for n in range(60)]
    Path("d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("docs").mkdir()
    Path("docs/a.md").write_text("Words.")
    words = ("--data", "d.jsonl", "--docs", "docs", "--model", "meta-llama/Llama-3.1-8B-Instruct")
    result = ask("stop\n", *words, "--json")
    shown = json.loads(result.stdout)
    profile, origin = shown["profile"], shown["profile"]["provenance"]
    assert profile["data"]["classes"] == 4
    assert profile["knowledge"]["document_formats"] == "md"
    assert profile["model"]["is_instruct"] is True
    assert origin["model.parameters_billion"] == "catalog"
    assert origin["task.kind"] == "suggested by dataset"
    assert "measured in d.jsonl: samples with an answer: 60 samples" in result.stderr
    assert "looked up for" in result.stderr
    command = shlex.split(shown["next_command"])
    assert command[1] == "baseline"
    for option, value in (("--data", "d.jsonl"), ("--docs", "docs"), ("--model", words[-1])):
        assert command[command.index(option) + 1] == value
    assert command[command.index("--answers") + 1] == "interview-answers.yaml"


def test_too_few_samples_to_split_are_measured_all_the_same(folder):
    Path("d.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    shown = json.loads(told("--data", "d.jsonl", "--json").stdout)
    assert shown["profile"]["data"]["labelled_samples"] == 3
    assert shown["profile"]["data"]["test_samples"] is None


def test_where_nothing_can_be_asked_the_answers_decide(folder):
    result = told("--answers", "known.yaml", "--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["answers"] == "known.yaml"
    assert shown["profile"]["machine"]["cpu_cores"] is None
    assert [path.name for path in Path().iterdir() if path.is_file()] == ["known.yaml"]
    decided = CliRunner().invoke(cli, ["decide", "--profile", "known.yaml", "--json"])
    assert json.loads(decided.stdout)["decision"] == shown["decision"]


def test_an_answer_is_changed_without_a_terminal(folder):
    Path("known.yaml").write_text(
        "task: {kind: question_answering, needs_style: false}\n"
        "knowledge: {in_documents: false}\ndata: {labelled_samples: 0}\n"
    )
    words = ("--answers", "known.yaml", "--edit", "knowledge.in_documents=yes")
    result = told(*words, "--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["changed"] == ["answers in own documents: no → yes"]
    assert {shown["recommended_before"], shown["decision"]["recommended"]} <= {
        *(a["approach"] for a in shown["decision"]["approaches"]),
        None,
    }
    assert load_profile(Path("known.yaml")).knowledge.in_documents is True


def test_the_change_is_told_with_old_and_new_advice(folder):
    result = told("--answers", "known.yaml", "--edit", "task.kind=unknown")
    assert result.exit_code == 0
    assert "Changed:\n  task: a conversation (chat) → don't know" in result.stdout
    assert "The advice " in result.stdout
    assert load_profile(Path("known.yaml")).unknown == ("task.kind",)
    same = told("--answers", "known.yaml", "--edit", "task.needs_style=no")
    assert "No answer was changed." in same.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 1, "There is no terminal to ask on."),
        (("--answers", "nowhere.yaml"), 1, "does not exist"),
        (("--edit", "task.kind"), 2, "--answers FILE"),
        (("--answers", "known.yaml", "--edit"), 1, "--edit FACT=VALUE"),
        (("--answers", "known.yaml", "--edit", "task.knid=chat"), 1, "did you mean 'task.kind'?"),
        (("--answers", "known.yaml", "--edit", "task.kind=poem"), 1, "none of the choices"),
        (("--answers", "known.yaml", "--edit", "task.kind=back"), 1, "'back' is no answer."),
        (("--answers", "known.yaml", "--edit", "task.target=85"), 1, "too large; the most is 1"),
        (("--answers", "known.yaml", "--language", "fr"), 1, "no language 'fr'"),
        (("--answers", "known.yaml", "--data", "no.jsonl"), 1, "no.jsonl"),
        (("--answers", "known.yaml", "--docs", "nowhere"), 1, "nowhere"),
        (("--answers", "known.yaml", "--model", "no/such"), 1, "no/such"),
        (("--answers", "known.yaml", "--save", "known.yaml/x.yaml"), 1, "x.yaml"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(folder, words, code, said):
    result = told(*words, "--json")
    assert result.exit_code == code
    assert said in result.stdout
    assert json.loads(result.stdout)["error"]["hint"]
    assert Path("known.yaml").read_text() == KNOWN


def test_german_from_the_first_question_to_the_last_line(ask):
    result = ask("warum\nende\n", "--language", "de", "--save", "meine.yaml")
    assert result.exit_code == 0
    assert "Gefragt wird nur, was den Rat noch ändern kann und" in " ".join(result.stderr.split())
    assert "Bedeutung: " in result.stderr
    assert "Nächster Befehl:" in result.stdout
    assert "Antworten gesichert: meine.yaml" in result.stdout


def test_quiet_leaves_the_greeting_out(ask):
    assert "measured on this machine" in ask("stop\n").stderr
    assert "measured on this machine" not in ask("stop\n", "--quiet").stderr


def test_a_document_of_a_run_is_not_edited_in_place(folder):
    text = json.dumps({"schema_version": 1, "artifact": {"stage": "profile"}, "name": "x"})
    Path("1-profile.json").write_text(text)
    words = ("--answers", "1-profile.json", "--edit", "task.kind=chat")
    refused = told(*words)
    assert refused.exit_code == 1
    assert "--save FILE" in refused.stderr
    assert Path("1-profile.json").read_text() == text
    assert told(*words, "--save", "mine.yaml").exit_code == 0
    assert load_profile(Path("mine.yaml")).task.kind == "chat"


def test_a_place_that_cannot_be_written_is_told_with_the_option_that_mends_it(folder):
    result = told("--answers", "known.yaml", "--save", "known.yaml/x.yaml")
    assert result.exit_code == 1
    assert "--save FILE" in result.stderr


def plain_only(text: str) -> bool:
    return not {"\x1b", *"│─╭╮╰╯━"} & set(text) and "Approach  " not in text


@pytest.mark.parametrize(
    ("words", "variables"),
    [(("--plain",), {}), ((), {"ADVISOR_PLAIN": "1"}), ((), {"TERM": "dumb"})],
)
def test_the_advice_is_plain_where_plain_was_asked_for(folder, words, variables):
    usual = {"TERM": "xterm", "ADVISOR_PLAIN": None}
    call = ["interview", "--answers", "known.yaml", "--yes", *words]
    out = CliRunner().invoke(cli, call, env=usual | variables).stdout
    assert plain_only(out)
    assert out.startswith("Advice: ")
    framed = CliRunner().invoke(cli, call[:4], env=usual).stdout
    assert not plain_only(framed)


@pytest.mark.parametrize(("word", "code"), [("d", "en"), ("w", "de")])
def test_a_letter_says_that_it_is_not_known(ask, word, code):
    result = ask(f"{word}\nstop\nstop\n", "--save", "mine.yaml", "--language", code)
    assert result.exit_code == 0, result.output
    assert len(load_profile(Path("mine.yaml")).unknown) == 1


def test_the_way_on_where_nothing_is_advised_keeps_the_policy(folder):
    Path("policy.yaml").write_text("- {rule: cheap-first, off: true, reason: x}\n")
    Path("empty.yaml").write_text("task: {}\n")
    words = ("--answers", "empty.yaml", "--policy", "policy.yaml", "--yes", "--json")
    command = json.loads(told(*words).stdout)["next_command"]
    assert command == "advisor interview --answers empty.yaml --policy policy.yaml"
