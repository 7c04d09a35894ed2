"""The commands of the page on cleaning data do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.clean_sets import advice

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_command_of_the_page_runs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / "docs" / "how-to" / "clean-data.md").read_text(encoding="utf-8")
    text = "".join(BLOCK.findall(page)).replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines()]
    assert len(commands) == 4
    rows = [{"prompt": row["ask"], "completion": row["answer"]} for row in advice(60)]
    rows[3]["completion"] = "I'm sorry, but I can't help with that."
    rows[5] = rows[4]
    monkeypatch.chdir(tmp_path)
    Path("tickets.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("manuals").mkdir()
    Path("manuals/first.md").write_text("# Lamps\nTurn them off.\n", encoding="utf-8")
    for command in commands:
        result = CliRunner().invoke(cli, [*command[1:], *(["--yes"] if "fix" in command else [])])
        assert result.exit_code == 0, result.output
    assert Path("check.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert Path("check.md").read_text(encoding="utf-8").startswith("# Data check of tickets.jsonl")
    log = Path("clean.jsonl.changes.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["code"] for line in log] == ["refusals", "duplicates"]
    assert f"{{{', '.join(json.loads(log[0]))}}}" == "{line, code, what, before}"
