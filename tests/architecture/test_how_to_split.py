"""What the page on splitting says can be done as it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.data_generate import command as generate
from advisor.cli.data_split import BY
from advisor.cli.main import cli
from advisor.test_ledger import SWITCH, is_worn

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "split-and-grow.md").read_text(encoding="utf-8")


def test_the_split_command_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"input": f"question {n}", "output": f"label {n % 3}"} for n in range(60)]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = shlex.split(BLOCK.findall(page)[0])
    assert CliRunner().invoke(cli, words[1:]).exit_code == 0
    assert sorted(path.name for path in Path("parts").iterdir()) == [
        "dev.jsonl",
        "split.json",
        "test.jsonl",
        "train.jsonl",
    ]


def test_ways_options_and_figures_are_those_of_the_code(page: str) -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(BY)
    words = shlex.split(BLOCK.findall(page)[1].replace("\\\n", ""))
    known = {name for option in generate.params for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert SWITCH in page
    assert "From 13 looks on" in page
    assert [is_worn(looks) for looks in (12, 13)] == [False, True]
