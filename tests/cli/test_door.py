from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from advisor.artifacts import document
from advisor.cli import errors
from advisor.cli.lazy import LazyGroup
from advisor.cli.main import COMMANDS, cli
from advisor.errors import DatasetError
from advisor.schema.base import Value

ENVELOPE = ("schema_version", "advisor_version", "as_of")


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
        denied=PermissionError(13, "Permission denied", "/below/locked"),
        full=OSError(28, "No space left on device"),
        library=OSError("a model library's own words"),
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
    found = json.loads(result.stdout)
    assert found["error"] == {
        "type": "DatasetError",
        "message": "Row is broken.",
        "hint": "Mend it.",
        "where": "data.jsonl:3",
    }
    assert {key: found[key] for key in ENVELOPE} == {
        key: document(Value())[key] for key in ENVELOPE
    }


@pytest.mark.parametrize("words", [("stop",), ("resume",)])
def test_an_interrupt_is_a_document_with_json(run, words):
    result = run(*words, "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert set(found) == {*ENVELOPE, "error"}
    assert found["error"]["type"] == "Interrupted"
    assert found["error"]["hint"].startswith("advisor ")
    assert found["error"]["hint"] in result.stderr


@pytest.mark.parametrize("words", [("denied",), ("full",)])
def test_what_the_system_refuses_is_told(run, words):
    result = run(*words, "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["type"] == "InputError"
    assert error["hint"]
    if words == ("denied",):
        assert error["where"] == "/below/locked"
        assert "'/below/locked' cannot be used: Permission denied" in error["message"]


def test_a_path_below_a_locked_folder_is_told(monkeypatch, tmp_path):
    def locked(path, *_args, **_named):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", locked)
    monkeypatch.setattr("pathlib.Path.read_text", locked)
    monkeypatch.setattr("pathlib.Path.read_bytes", locked)
    monkeypatch.setattr("pathlib.Path.is_file", locked)
    monkeypatch.setattr("pathlib.Path.is_dir", locked)
    result = CliRunner().invoke(cli, ["data", "check", str(tmp_path / "data.jsonl")])
    assert result.exit_code == 1
    assert "data.jsonl" in result.stderr


def test_an_os_error_that_no_system_call_raised_is_a_bug(run):
    assert run("library").exit_code == 3


def test_a_closed_pipe_is_no_failure(monkeypatch):
    def work():
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(errors, "_reader_left", lambda: 0)
    with pytest.raises(SystemExit) as caught:
        errors.door(work, [])
    assert caught.value.code == 0


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
