"""The page on documents: its commands run, and its table is what the readers take."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.cli.main import cli
from advisor.data_check.document_marks import MARKS
from tests.fixtures.clean_sets import advice

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_commands_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (root / "docs" / "how-to" / "documents.md").read_text(encoding="utf-8")
    commands = [shlex.split(line) for line in "".join(BLOCK.findall(page)).splitlines()]
    assert len(commands) == 2
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": row["ask"], "completion": row["answer"]} for row in advice(60)]
    Path("tickets.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("manuals").mkdir()
    Path("manuals/first.md").write_text("# Lamps\nTurn them off.\n", encoding="utf-8")
    for command in commands:
        result = CliRunner().invoke(cli, command[1:])
        assert result.exit_code == 0, result.output


def test_the_tables_are_complete(root: Path) -> None:
    page = (root / "docs" / "how-to" / "documents.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (`\.[^|]*) \|", page, re.MULTILINE))
    ours = {reader.info.id: reader.suffixes for reader in registry.readers().values()}
    assert {kind: tuple(re.findall(r"\.\w+", files)) for kind, files in told.items()} == ours
    problems = set(re.findall(r"^\| `(\w+_documents?)`", page, re.MULTILINE))
    assert problems == {mark.code for mark in MARKS} | {
        "invisible_signs_in_document",
        "duplicate_documents",
    }
