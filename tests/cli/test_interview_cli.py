"""An interview broken off keeps every answer and says how to go on."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.interview import TerminalAsker
from advisor.cli.main import cli
from advisor.cli.screen import Screen
from advisor.interview.answers import load_profile

QUESTION = "output.house_format"
KNOWN = "task: {kind: chat}\nknowledge: {in_documents: false}\n"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the interview in an empty folder as if on a terminal, with these lines typed."""
    monkeypatch.setattr(Screen, "may_ask", property(lambda _: True))
    monkeypatch.chdir(tmp_path)
    Path("known.yaml").write_text(KNOWN)

    def run(typed: str, *words: str):
        full = ["interview", "--answers", "known.yaml", *words]
        return CliRunner().invoke(cli, full, input=typed)

    return run


def test_the_end_of_input_saves_what_was_answered(ask):
    result = ask("500\n", "--save", "mine.yaml")
    assert result.exit_code == 130
    assert load_profile(Path("mine.yaml")).data.labelled_samples == 500
    assert "advisor interview --answers mine.yaml --save mine.yaml" in result.stderr


def test_ctrl_c_saves_what_was_answered_to_a_file_it_names(ask, monkeypatch):
    typed = iter(["500"])

    def answer(_self, _fact, *, number):
        try:
            return next(typed)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(TerminalAsker, "ask", answer)
    Path("interview-answers.yaml").write_text("mine\n")
    result = ask("", "--json")
    assert result.exit_code == 130
    hint = shlex.split(json.loads(result.stdout)["error"]["hint"])
    saved = Path(hint[hint.index("--answers") + 1])
    assert saved == Path("interview-answers-2.yaml")
    assert load_profile(saved).data.labelled_samples == 500
    assert load_profile(saved).task.kind == "chat"
    assert Path("interview-answers.yaml").read_text() == "mine\n"


def test_nothing_answered_writes_nothing(ask):
    result = ask("", "--save", "mine.yaml")
    assert result.exit_code == 130
    assert not Path("mine.yaml").exists()
    assert [p.name for p in Path().iterdir() if p.is_file()] == ["known.yaml"]
