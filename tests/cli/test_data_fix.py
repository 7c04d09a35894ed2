"""`advisor data fix`: its document, its screen, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.clean_sets import advice
from tests.fixtures.data_museum import INVENTED


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"frage": row["ask"], "antwort": row["answer"]} for row in advice(30)]
    rows[4]["antwort"] += " \u200b"
    rows[6]["antwort"] = ""
    rows[8]["antwort"] = f"It is {INVENTED['secret github']()} now."
    path = tmp_path / "daten.jsonl"
    lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join([*lines, lines[0], "{"]) + "\n", encoding="utf-8")
    return path


def run(*words: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["data", "fix", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


MAP = ("--map", "input=frage,target=antwort")


def test_the_document_has_the_promised_keys(data: Path) -> None:
    out = data.with_name("clean.jsonl")
    code, told, _ = run(data, "--out", out, *MAP, "--mask", "secrets", "--json")
    document = json.loads(told)
    assert code == 0
    assert (document["rows"], document["kept"]) == (32, 29)
    assert document["changed"] == {"odd_encoding": 1, "secrets": 1, "white_space": 1}
    assert document["dropped"] == {"broken_json": 1, "duplicates": 1, "empty_target": 1}
    assert (document["out"], document["log"]) == (str(out), f"{out}.changes.jsonl")
    assert {"schema_version", "advisor_version", "as_of"} <= document.keys()
    assert "[GitHub token]" in out.read_text(encoding="utf-8")


def test_the_screen_fits_and_tells_what_was_done(data: Path) -> None:
    code, told, _ = run(data, "--out", data.with_name("clean.jsonl"), *MAP)
    assert code == 0
    flat = " ".join(told.split())
    assert "29 of 32" in flat
    assert "empty_target left out 1" in flat
    assert "advisor data check" in flat
    again = data.with_name("again.jsonl")
    code, told, _ = run(data.with_name("clean.jsonl"), "--out", again, *MAP)
    assert "Nothing had to be changed." in told
    assert max(map(len, told.splitlines())) <= 80


def test_codes_may_be_joined_and_repeated(data: Path) -> None:
    out = data.with_name("clean.jsonl")
    keep = ("--keep", "duplicates,white_space", "--keep", "odd_encoding")
    code, told, _ = run(data, "--out", out, *MAP, *keep, "--drop", "secrets", "--json")
    document = json.loads(told)
    assert code == 0
    assert document["changed"] == {}
    assert document["dropped"] == {"broken_json": 1, "empty_target": 1, "secrets": 1}


REFUSED = [
    (("--out", "daten.jsonl"), "the original itself"),
    (("--out", "there.jsonl"), "there already"),
    (("--out", "x.parquet"), "cannot be written as parquet"),
    (("--out", "x.jsonl", "--drop", "refusal"), "Did you mean 'refusals'"),
    (("--out", "x.jsonl", "--mask", "names"), "does not know the code 'names'"),
    (("--out", "x.jsonl", "--keep", "broken_json"), "does not know the code 'broken_json'"),
]


@pytest.mark.parametrize(("words", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_is_refused_is_told_and_nothing_is_written(
    words: tuple[str, ...], told: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    Path("there.jsonl").write_text("mine", encoding="utf-8")
    before = {path: path.read_bytes() for path in data.parent.glob("*.*")}
    code, out, error = run("daten.jsonl", *words, *MAP)
    assert (code, out) == (1, "")
    assert told in " ".join(error.split())
    assert {path: path.read_bytes() for path in data.parent.glob("*.*")} == before


def test_yes_replaces_an_earlier_copy(data: Path) -> None:
    out = data.with_name("clean.jsonl")
    out.write_text("mine", encoding="utf-8")
    assert run(data, "--out", out, *MAP, "--yes")[0] == 0
    assert "mine" not in out.read_text(encoding="utf-8")
