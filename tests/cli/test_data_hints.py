"""What `advisor data` says of files that it can hardly use: the cause, and a way that works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.errors import CatalogError, InputError


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, list(map(str, words)))
    shown = result.stdout if "--json" in words else " ".join(result.stdout.split())
    return result.exit_code, shown, " ".join(result.stderr.split())


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_without_a_usable_row_is_still_reported(tmp_path: Path) -> None:
    rows = [{"prompt": f"how many letters has word {n}?", "completion": n} for n in range(30)]
    path, page = write(tmp_path / "num.jsonl", rows), tmp_path / "check.html"
    code, shown, told = run("data", "check", path, "--html", page)
    assert code == 1
    assert "not_text" in shown
    assert "line 1, 2, 3" in shown
    assert "0 of 30" in shown
    assert f"advisor data fix {path} --out COPY" in told
    assert "advisor data check" not in told
    assert "not_text" in page.read_text(encoding="utf-8")
    code, shown, _ = run("data", "check", path, "--json")
    assert (code, json.loads(shown)["error"]["type"]) == (1, "DatasetError")


def test_the_error_about_bad_rows_names_what_mends_them(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": f"word {n}?", "completion": "x"} for n in range(9)]
    path = write(tmp_path / "d.jsonl", [*rows, {"prompt": "and?", "completion": 3}])
    code, _, told = run("data", "split", path, "--out", tmp_path / "parts")
    assert code == 1
    assert "advisor data check" in told
    assert f"advisor data fix {path} --out COPY" in told


@pytest.mark.parametrize("content", ["", " \n\n"])
def test_an_empty_file_of_a_folder_is_left_out_with_a_note(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "a.jsonl", [{"prompt": f"q {n}", "completion": f"a {n}"} for n in range(60)])
    (folder / "b.jsonl").write_text(content, encoding="utf-8")
    code, shown, _ = run("data", "check", folder)
    assert code == 0
    assert "Left out, as they are empty: b.jsonl." in shown


def test_the_judge_refuses_data_that_holds_no_answers(tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n}", "completion": "billing"} for n in range(5)]
    code, _, told = run("judge", write(tmp_path / "good.jsonl", rows), "--judge-model", "tiny")
    assert code == 1
    assert "has no field `answer`" in told
    assert "completion, prompt" in told


def test_clearing_an_unknown_model_names_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.evaluation.cache import opened
    from advisor.schema.cache import CacheRecord
    from advisor.schema.evaluation import Completion

    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache.db"))
    cache = opened()
    assert cache is not None
    completion = Completion(text="x", prompt_tokens=1, completion_tokens=1, latency_ms=1)
    cache.add(
        [
            CacheRecord(
                key="k",
                backend="openai",
                model="gpt-4o",
                made_at="2026-11-26",
                completion=completion,
            )
        ]
    )
    code, _, told = run("cache", "clear", "--model", "gpt-4")
    assert code == 1
    assert "Did you mean 'gpt-4o'? It holds: gpt-4o." in told


def test_a_missing_price_file_is_told_as_missing(tmp_path: Path) -> None:
    from advisor.catalog.parse import parse

    with pytest.raises(CatalogError, match="There is no file") as caught:
        parse(tmp_path / "nope.yaml")
    assert "path" in caught.value.hint


def test_a_line_of_labels_without_a_colon_is_named(tmp_path: Path) -> None:
    from advisor.generation.sources import read_labels

    path = tmp_path / "labels.txt"
    path.write_text("refund: wants money back\n\nshipping\nbilling: a bill\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Line 3 of labels\.txt has no colon") as caught:
        read_labels(path)
    assert caught.value.where == f"{path}:3"


def test_the_check_says_that_rows_are_numbered(tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n}", "completion": f"a {n}" if n != 6 else ""} for n in range(60)]
    path = tmp_path / "d.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    code, shown, _ = run("data", "check", path)
    assert code == 0
    assert "rows are numbered, not lines" in shown
    assert "row 7" in shown
    assert "line 7" not in shown
    assert json.loads(run("data", "check", path, "--json")[1])["numbered"] == "row"
