"""The interview on a real pseudo-terminal: keys, narrow and dumb terminals, Ctrl-C and resuming."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pexpect
import pytest

from advisor.interview.answers import load_profile
from advisor.interview.language import load_language
from advisor.resources import rules_root
from advisor.rulebook.load import load_facts

DOWN, LEFT, ENTER, CTRL_C, CTRL_D = "\x1b[B", "\x1b[D", "\r", "\x03", "\x04"
LIST = "arrows and Enter"
SECONDS = 90
"""Generous: a busy machine may take long, and nothing waits for time to pass."""
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-B0-9]|[=>])")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
KNOWN = "task: {kind: chat, needs_style: false}\nknowledge: {in_documents: false}\n"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("known.yaml").write_text(KNOWN)
    return tmp_path


class Terminal:
    """One interview in a pseudo-terminal."""

    def __init__(self, *words, columns=80, rows=40, shell="", **variables):
        left_out = {"COLUMNS", "LINES", "NO_COLOR", "ADVISOR_PLAIN"}
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        command = [sys.executable, "-m", "advisor", "interview", *words]
        line = ["sh", "-c", f"{shlex.join(command)} {shell}"] if shell else command
        self.child = pexpect.spawn(
            line[0],
            line[1:],
            env=kept | {"TERM": "xterm-256color"} | variables,
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=SECONDS,
        )
        self.raw = ""

    def until(self, text):
        """Wait for a text; what was written up to and with it."""
        self.child.expect_exact(text)
        self.raw += self.child.before + self.child.after
        return self.child.before + self.child.after

    def send(self, *keys):
        self.child.send("".join(keys))

    def finish(self, key="s"):
        """Stop at every question that is still asked; the exit code."""
        while self.child.expect_exact([pexpect.EOF, LIST]) == 1:
            self.raw += self.child.before + self.child.after
            self.send(key)
        return self.ended()

    def ended(self):
        """The exit code, once everything is written."""
        self.child.expect_exact(pexpect.EOF) if self.child.isalive() else None
        self.raw += self.child.before if isinstance(self.child.before, str) else ""
        self.child.close()
        return self.child.exitstatus

    @property
    def text(self):
        """What was written, without escape codes."""
        return ESCAPE.sub("", self.raw).replace("\r", "")


@pytest.fixture
def terminal(folder):
    opened = []

    def start(*words, **more):
        opened.append(Terminal(*words, **more))
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)


def test_arrow_keys_pick_from_the_present_answer_and_the_file_is_kept(terminal):
    screen = terminal("--answers", "known.yaml", "--edit", "task.kind")
    shown = screen.until("don't know")
    assert "What is the task?" in shown
    assert "Now: a conversation (chat)" in shown
    screen.send(DOWN, ENTER)
    assert screen.finish() == 0
    assert load_profile(Path("known.yaml")).task.kind == "code"
    assert "task: a conversation (chat) → program code written" in screen.text
    assert "Answers saved: known.yaml" in screen.text


def test_a_digit_leads_to_its_answer(terminal):
    screen = terminal("--answers", "known.yaml", "--edit", "task.kind")
    screen.until("don't know")
    screen.send("2", ENTER)
    assert screen.finish() == 0
    assert load_profile(Path("known.yaml")).task.kind == "classification"


def test_another_number_is_typed_and_a_wrong_one_is_told(terminal, folder):
    screen = terminal("--answers", "known.yaml", "--edit", "labelled_samples")
    shown = ESCAPE.sub("", screen.until("don't know"))
    key = re.search(r"(\d)\) another number", shown).group(1)
    screen.send(key, ENTER)
    screen.until("you may also type")
    screen.send("many", ENTER)
    screen.until("'many' is not a number.")
    screen.until("don't know")
    screen.send(key, ENTER)
    screen.until("you may also type")
    screen.send("1.5k", ENTER)
    screen.until("Noted: samples with an answer: 1,500 samples")
    assert screen.finish() == 0
    assert load_profile(Path("known.yaml")).data.labelled_samples == 1500


def test_help_dont_know_and_back(terminal):
    screen = terminal("--save", "mine.yaml")
    first = ESCAPE.sub("", screen.until(LIST))
    title = re.search(r"1\. (\w+ \w+)", first).group(1)
    screen.until("don't know")
    screen.send("?")
    screen.until("Meaning: ")
    screen.until(f"1. {title}")
    screen.until("don't know")
    screen.send("d", ENTER)
    screen.until("2. ")
    screen.until("don't know")
    assert len(load_profile(Path("mine.yaml")).unknown) == 1
    screen.send(LEFT)
    screen.until("(taken back)")
    screen.until(f"1. {title}")
    screen.until("don't know")
    assert load_profile(Path("mine.yaml")).unknown == ()
    screen.send("b")
    screen.until("This is the first question.")
    screen.until("don't know")
    screen.send("s")
    assert screen.finish() == 0
    assert "Next command:" in screen.text


def test_ctrl_c_keeps_the_answers_and_the_printed_command_goes_on(terminal):
    screen = terminal()
    first = ESCAPE.sub("", screen.until(LIST))
    title = re.search(r"1\. (\w+ \w+ \w+)", first).group(1)
    screen.until("don't know")
    screen.send("d", ENTER)
    screen.until("2. ")
    screen.until("don't know")
    screen.send(CTRL_C)
    assert screen.ended() == 130
    command = next(
        line.strip() for line in screen.text.splitlines() if line.startswith("  advisor ")
    )
    assert len(load_profile(Path("interview-answers.yaml")).unknown) == 1
    again = terminal(*shlex.split(command)[2:])
    again.until("1. ")
    assert title not in ESCAPE.sub("", again.until("don't know"))
    again.send(CTRL_D)
    assert again.ended() == 130


@pytest.mark.parametrize("columns", [40, 30])
def test_a_narrow_window_folds_between_words(terminal, columns):
    screen = terminal("--answers", "known.yaml", "--edit", "task.kind", columns=columns)
    shown = ESCAPE.sub("", screen.until("don't know")).replace("\r", "")
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    language = load_language(rules_root())
    kind = next(fact for fact in load_facts(rules_root()) if fact.id == "task.kind")
    flowing = " ".join(shown.split())
    for said in (kind.question, kind.why, *(language.choice(kind, c) for c in kind.choices)):
        assert said in flowing
    screen.send(LEFT)
    assert screen.finish() == 0


def test_colours_are_there_unless_they_are_not_wanted(terminal):
    coloured = terminal("--answers", "known.yaml", "--edit", "task.kind")
    coloured.until("don't know")
    coloured.send(DOWN, ENTER)
    assert coloured.finish() == 0
    assert COLOUR.search(coloured.raw)
    for words, variables in (((), {"NO_COLOR": "1"}), (("--no-color",), {})):
        bleak = terminal("--answers", "known.yaml", "--edit", "task.kind", *words, **variables)
        bleak.until("don't know")
        bleak.send("1", ENTER)
        assert bleak.finish() == 0
        assert not COLOUR.search(bleak.raw)


@pytest.mark.parametrize(
    ("words", "variables"),
    [((), {"TERM": "dumb"}), (("--plain",), {}), ((), {"ADVISOR_PLAIN": "1"})],
)
def test_lines_to_type_at_where_no_list_can_be_shown(terminal, words, variables):
    screen = terminal("--answers", "known.yaml", *words, **variables)
    screen.until("1. ")
    screen.until("don't know")
    screen.send("review", ENTER)
    screen.until("task: a conversation (chat) (answered)")
    screen.until("a number = change that answer")
    screen.send("1", ENTER)
    screen.until("Enter = leave it")
    screen.send("code", ENTER)
    screen.until("Noted: task: program code written")
    assert "\x1b" not in screen.raw
    seen = screen.child.expect_exact(["don't know", "a number = change that answer"])
    screen.send("stop", ENTER)
    assert seen in {0, 1}
    assert screen.ended() == 0
    assert load_profile(Path("interview-answers.yaml")).task.kind == "code"


def test_the_review_changes_an_answer(terminal):
    screen = terminal("--answers", "known.yaml", "--edit")
    screen.until("Your answers")
    screen.until("style easier shown")
    screen.send("1", ENTER)
    screen.until("Now: a conversation (chat)")
    screen.until("don't know")
    screen.send("1", ENTER)
    assert screen.finish() == 0
    assert load_profile(Path("known.yaml")).task.kind == "question_answering"


@pytest.mark.parametrize("key", ["b", "q", "\x1b", LEFT])
def test_a_key_leaves_the_review_and_nothing_is_changed(terminal, key):
    screen = terminal("--save", "mine.yaml")
    screen.until("don't know")
    screen.send("2", ENTER)
    screen.until("2. How many inputs")
    screen.until("don't know")
    screen.send("r")
    screen.until("another fact")
    screen.send("?")
    screen.until("Every answer with where it comes from")
    screen.until("another fact")
    screen.send(key)
    screen.until("2. How many inputs")
    screen.until("don't know")
    assert load_profile(Path("mine.yaml")).task.kind == "classification"
    screen.send("s")
    assert screen.ended() == 0


def test_a_fact_that_was_not_asked_is_searched_and_said(terminal):
    screen = terminal("--answers", "known.yaml", "--edit")
    screen.until("another fact")
    screen.send("f", ENTER)
    screen.until("Type to search")
    screen.send("cite")
    screen.until("1mcite")
    screen.send(ENTER)
    screen.until("Must an answer name its source?")
    screen.until("don't know")
    screen.send("y", ENTER)
    screen.until("This does not go together")
    screen.until("don't know")
    screen.send("r")
    screen.until("another fact")
    screen.send("f", ENTER)
    screen.until("Type to search")
    screen.send("\x1b")
    screen.until("another fact")
    screen.send("a", ENTER)
    assert screen.ended() == 0
    assert load_profile(Path("known.yaml")).knowledge.must_cite is True


def test_a_review_longer_than_there_are_keys(terminal, folder):
    names = [fact.id for fact in load_facts(rules_root()) if fact.question]
    Path("all.yaml").write_text(f"unknown: [{', '.join(names)}]\n")
    screen = terminal("--answers", "all.yaml", "--edit")
    screen.until("Your answers")
    screen.until("task: don't know")
    screen.send(DOWN, ENTER)
    screen.until("What is the task?")
    screen.until("don't know")
    screen.send("2", ENTER)
    assert screen.finish("q") == 0
    assert load_profile(Path("all.yaml")).task.kind == "classification"


def test_json_is_alone_on_stdout_while_the_terminal_asks(terminal):
    screen = terminal("--save", "mine.yaml", "--json", shell="> out.json")
    screen.until("don't know")
    screen.send("d", ENTER)
    assert screen.finish() == 0
    shown = json.loads(Path("out.json").read_text())
    assert shown["answers"] == "mine.yaml"
    assert len(shown["profile"]["unknown"]) == 1


def test_german_keys(terminal):
    screen = terminal("--language", "de", "--answers", "known.yaml", "--edit", "must_cite")
    screen.until("Muss eine Antwort ihre Quelle nennen?")
    screen.until("weiß nicht")
    screen.send("j", ENTER)
    while screen.child.expect_exact([pexpect.EOF, "Pfeiltasten und Enter"]) == 1:
        screen.send("s")
    assert screen.ended() == 0
    assert load_profile(Path("known.yaml")).knowledge.must_cite is True


def test_rows_of_the_review_beyond_nine_have_no_label(terminal, folder):
    names = [fact.id for fact in load_facts(rules_root()) if fact.question][:12]
    Path("twelve.yaml").write_text(f"unknown: [{', '.join(names)}]\n")
    screen = terminal("--answers", "twelve.yaml", "--edit", rows=60, columns=100)
    screen.until("another fact")
    assert "9) " in screen.text
    assert "0) " not in screen.text
    assert "-) " not in screen.text
    screen.send("q")
    assert screen.finish("q") == 0
