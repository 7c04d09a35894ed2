from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from advisor.cli import errors
from advisor.cli.lazy import LazyGroup
from advisor.cli.main import COMMANDS, cli
from advisor.errors import DatasetError


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("ADVISOR_HOME", str(tmp_path))
    failures = {}

    @click.command()
    @click.argument("kind")
    @click.option("--json", "as_json", is_flag=True)
    def fail(kind, as_json):
        raise failures[kind]

    failures.update(
        told=DatasetError("Row is broken.", hint="Mend it.", where="data.jsonl:3"),
        bug=ZeroDivisionError("oops"),
        stop=KeyboardInterrupt(),
        resume=errors.Interrupted("advisor run --run-dir runs/x"),
    )
    group = LazyGroup(name="t", table={"fail": (f"{__name__}:unused", "")})
    monkeypatch.setattr(group, "get_command", lambda _ctx, _name: fail)
    return lambda *words: CliRunner().invoke(group, ["fail", *words])


def test_a_told_error_is_one_sentence_with_place_and_hint(run):
    result = run("told")
    assert result.exit_code == 1
    assert "Error: Row is broken. (data.jsonl:3)" in result.stderr
    assert "Mend it." in result.stderr
    assert "Traceback" not in result.output


def test_a_told_error_is_a_document_with_json(run):
    result = run("told", "--json")
    assert json.loads(result.stdout) == {
        "error": {
            "type": "DatasetError",
            "message": "Row is broken.",
            "hint": "Mend it.",
            "where": "data.jsonl:3",
        }
    }


def test_a_bug_writes_a_log_and_names_it(run, tmp_path):
    result = run("bug")
    assert result.exit_code == 3
    (log,) = (tmp_path / "logs").iterdir()
    assert str(log) in result.stderr
    assert "ZeroDivisionError" in log.read_text()
    assert "Traceback" not in result.output


def test_an_interrupt_leaves_with_130(run):
    assert run("stop").exit_code == 130


def test_an_interrupt_names_the_command_to_resume(run):
    result = run("resume")
    assert result.exit_code == 130
    assert "advisor run --run-dir runs/x" in result.stderr


def test_an_unknown_command_suggests_the_nearest():
    result = CliRunner().invoke(cli, ["estimat"])
    assert result.exit_code == 2
    assert "Did you mean 'estimate'?" in result.stderr


def test_a_wrong_option_is_a_usage_error():
    assert CliRunner().invoke(cli, ["--nonsense"]).exit_code == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_can_be_loaded(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
