"""`advisor data check --html --markdown`: a page never takes the place of data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

OPTIONS = ("--html", "--markdown")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = ({"input": f"question {n}", "output": f"answer {n}"} for n in range(60))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["data", "check", *map(str, words)])
    return result.exit_code, result.output + str(result.exception or "")


@pytest.mark.parametrize("option", OPTIONS)
def test_the_data_is_never_overwritten(
    option: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = data.read_bytes()
    monkeypatch.chdir(data.parent)
    for target in (data, Path("data.jsonl"), Path("../") / data.parent.name / "data.jsonl"):
        code, told = run(data, option, target, "--yes")
        assert (code, "would overwrite what is read" in told) == (1, True)
    code, told = run(data.parent, option, data, "--yes")
    assert (code, "would overwrite what is read" in told) == (1, True)
    assert data.read_bytes() == before


@pytest.mark.parametrize("option", OPTIONS)
def test_another_file_is_replaced_when_told_and_an_earlier_page_at_once(
    option: str, data: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page"
    page.write_text("precious\n", encoding="utf-8")
    code, told = run(data, option, page)
    assert (code, "--yes" in told) == (1, True)
    assert page.read_text(encoding="utf-8") == "precious\n"
    assert run(data, option, page, "--yes")[0] == 0
    assert "Data check" in page.read_text(encoding="utf-8")
    assert run(data, option, page)[0] == 0


def test_both_pages_need_a_place_of_their_own(data: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    code, told = run(data, "--html", tmp_path / "page", "--markdown", tmp_path / "page")
    assert (code, "would overwrite" in told) == (1, True)
    code, told = run(data, "--html", tmp_path / "folder")
    assert (code, "is a folder" in told) == (1, True)


def test_a_place_that_cannot_be_written_names_its_own_option(data: Path) -> None:
    code, told = run(data, "--html", "/proc/x.html")
    assert code == 1
    assert "--html" in told
    assert "--run-dir" not in told
