"""`advisor data check`: the promised keys, and a screen that fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

KEYS = {
    "format",
    "rows",
    "usable_rows",
    "problems",
    "token_lengths",
    "splits",
    "duplicates",
    "leakage",
    "contradictions",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"input": f"question {n} " + "long " * 40, "output": f"answer {n}"} for n in range(90)]
    rows += [{"input": "", "output": "x"}, {"input": "[red]QUESTION[/red]", "output": "N/A"}]
    rows += [rows[3] | {"note": "\x1b[31mred"}, rows[4] | {"output": "other"}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text + "not json\n" * 12, encoding="utf-8")
    return path


def test_json_has_the_promised_keys(data: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "check", str(data), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert KEYS | {"schema_version", "advisor_version", "as_of"} <= document.keys()
    assert (document["rows"], document["usable_rows"]) == (106, 93)
    assert document["splits"]["used"]["train"] > 0
    by_code = {problem["code"]: problem for problem in document["problems"]}
    assert by_code["broken_json"]["rows"] == list(range(95, 107))
    assert by_code["empty_input"]["rows"] == [91]
    assert by_code["contradictions"]["rows"] == [5, 94]
    assert all(set(p) >= {"code", "severity", "rows", "message", "hint"} for p in by_code.values())


def test_the_screen_fits_80_columns_and_shows_every_problem(data: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "check", str(data)])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "93 of 106" in result.stdout
    assert "estimated as UTF-8 bytes / 4" in result.stdout
    for code in ("broken_json", "empty_input", "contradictions", "duplicates", "placeholder"):
        assert code in result.stdout
    assert "line 95, 96, 97, 98, 99, 100, 101, 102 and 4 more" in result.stdout
    assert "The field 'note' is not used" in result.stdout
    assert "\x1b" not in result.stdout


def test_clean_data_is_said_to_be_clean(tmp_path: Path) -> None:
    path = tmp_path / "clean.csv"
    rows = "".join(f"question {n},answer {n}\n" for n in range(100))
    path.write_text("question,answer\n" + rows, encoding="utf-8")
    result = CliRunner().invoke(cli, ["data", "check", str(path)])
    assert result.exit_code == 0
    assert "No problem found." in result.stdout


def test_help_of_the_group_and_of_check() -> None:
    assert "check" in CliRunner().invoke(cli, ["data", "--help"]).stdout
    assert "JSON Lines" in CliRunner().invoke(cli, ["data", "check", "--help"]).stdout
