"""`advisor docs check`, the same problems in `advisor data check --docs`, and that text is only text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from advisor.cli.main import cli
from tests.fixtures.clean_sets import advice
from tests.fixtures.data_museum import INVENTED
from tests.fixtures.odd_documents import BROKEN, CSV, HOSTILE, HTML, PDF, WORD, put

NAME = "evil [bold]\x1b[31m name.md"
WRITTEN = "evil [bold]%1B[31m name.md"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A document of every kind, a copy, one with orders, one with secrets, and broken ones."""
    secret, person = INVENTED["secret openai"](), INVENTED["person email"]()
    files = {"a.md": b"# Lamps\nTurn them off.\n", "sub/copy.txt": b"#  lamps\r\nTurn them off."}
    files |= {"p.html": HTML.encode(), "m.pdf": PDF, "w.docx": WORD, "t.csv": CSV.encode()}
    files |= {NAME: HOSTILE.encode(), "keys.txt": f"one\ntwo {secret}\n{person}".encode()}
    files |= {name: BROKEN[name][0] for name in ("cut.pdf", "pack.zip")}
    return put(tmp_path / "docs", files)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = (json.dumps({"prompt": r["ask"], "completion": r["answer"]}) for r in advice(120))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def invoked(*words: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def problems(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {p["code"]: p for p in told["problems"] if "document" in p["code"]}


def test_sizes_by_kind_and_what_was_left_out(folder: Path) -> None:
    told = json.loads(invoked("docs", "check", folder, "--json").stdout)
    kinds = {kind["name"]: kind for kind in told["kinds"]}
    assert {name: kind["documents"] for name, kind in kinds.items()} == {
        "markdown": 2, "text": 2, "html": 1, "pdf": 1, "docx": 1, "csv": 3,
    }  # fmt: skip
    whole = told["whole"]
    for key in ("documents", "characters", "tokens", "passages"):
        assert whole[key] == sum(kind[key] for kind in kinds.values())
    assert whole["passages"] >= whole["documents"] == 10
    assert told["embedding_seconds"] == pytest.approx(
        whole["passages"] / told["passages_per_second"]
    )
    assert told["embedding_rate"]["kind"] == "assumed"
    assert any(note.startswith("Left out: cut.pdf is broken") for note in told["notes"])
    assert "Left out, an archive, and archives are not opened: pack.zip." in told["notes"]


def test_what_a_service_is_paid_for_is_told(folder: Path) -> None:
    tokens = json.loads(invoked("docs", "check", folder, "--json").stdout)["whole"]["tokens"]
    shown = " ".join(invoked("docs", "check", folder).stdout.split())
    assert f"by a service costs by its tokens instead: about {tokens:,}" in shown


def test_problems_name_document_and_line(folder: Path) -> None:
    result = invoked("docs", "check", folder, "--json")
    found = problems(json.loads(result.stdout))
    assert [(c, p["severity"], p["files"], p["rows"]) for c, p in found.items()] == [
        ("secrets_in_document", "error", ["keys.txt"], [2]),
        ("injected_instructions_in_document", "warning", [WRITTEN], [2]),
        ("personal_data_in_document", "warning", ["keys.txt"], [3]),
        ("duplicate_documents", "warning", ["sub/copy.txt"], [1]),
    ]
    assert all(p["message"] and p["hint"] for p in found.values())
    assert INVENTED["secret openai"]() not in result.output
    assert INVENTED["person email"]() not in result.output


def test_the_data_check_tells_the_same_of_its_documents(folder: Path, rows: Path) -> None:
    alone = problems(json.loads(invoked("docs", "check", folder, "--json").stdout))
    told = json.loads(invoked("data", "check", rows, "--docs", folder, "--json").stdout)
    assert problems(told) == alone
    assert any(note.startswith("Left out: cut.pdf is broken") for note in told["notes"])
    shown = invoked("data", "check", rows, "--docs", folder).stdout
    assert "injected_instructions_in_document" in shown
    assert f"{WRITTEN}:2" in " ".join(shown.split())


def test_what_a_document_says_changes_nothing(folder: Path, rows: Path, tmp_path: Path) -> None:
    """The same facts whether a document gives orders or not, and nothing but text on the screen."""
    harmless = re.sub(r"[a-z]", "x", HOSTILE)
    assert len(harmless) == len(HOSTILE)
    facts = []
    for text in (HOSTILE, harmless):
        (folder / NAME).write_text(text, encoding="utf-8")
        words = ("--data", rows, "--docs", folder, "--run-dir", tmp_path / f"run{len(facts)}")
        told = json.loads(invoked("profile", *words, "--json").stdout)
        facts.append(
            {key: told[key] for key in ("task", "data", "knowledge", "constraints", "notes")}
        )
    assert facts[0] == facts[1]


def test_output_is_inert(folder: Path, rows: Path, tmp_path: Path) -> None:
    (folder / "title.md").write_text(f"# {HOSTILE}", encoding="utf-8")
    (folder / "head.csv").write_text('"\x1b[31m[red]a",b\n\x1b]0;x\x07[/],2\n', encoding="utf-8")
    page, text = tmp_path / "check.html", tmp_path / "check.md"
    outputs = [
        invoked("docs", "check", folder).output,
        invoked("docs", "check", folder / NAME).output,
        invoked("data", "check", rows, "--docs", folder, "--html", page, "--markdown", text).output,
        page.read_text(encoding="utf-8"),
        text.read_text(encoding="utf-8"),
        invoked("profile", "--data", rows, "--docs", folder, "--run-dir", tmp_path / "run").output,
    ]
    for output in outputs:
        assert CONTROL.findall(output) == []
    assert "evil [bold]%1B[31m name.md" in outputs[0]
    assert "<script" not in outputs[3].lower()
    for words in (("docs", "check", folder), ("data", "check", rows, "--docs", folder)):
        told = invoked(*words, "--json").stdout
        assert CONTROL.findall(told) == []
        json.loads(told)


@pytest.mark.parametrize("name", ["sealed.pdf", "scan.pdf", "pack.zip", "old.doc", "bomb.docx"])
def test_nothing_to_read_ends_in_1(name: str, tmp_path: Path) -> None:
    put(tmp_path, {name: BROKEN[name][0]})
    for path in (tmp_path, tmp_path / name):
        result = invoked("docs", "check", path, code=1)
        assert name in result.stderr
        told = json.loads(invoked("docs", "check", path, "--json", code=1).stdout)
        assert told["error"]["type"] == "CorpusError"
        assert told["error"]["hint"]


def test_help_names_the_kinds() -> None:
    assert "Word, CSV" in " ".join(invoked("docs", "check", "--help").output.split())
    assert "check" in invoked("docs", "--help").output
