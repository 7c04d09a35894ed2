"""The page on other engines: its commands are taken, its tables are what the code has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.cli.main import cli
from advisor.cli.train import command
from tests.fixtures.clean_sets import advice
from trainers.engines.hosted.settings import OPTIONS, Address

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
OUTSIDE = ("axolotl", "llamafactory", "unsloth")


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "other-engines.md").read_text(encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    lines = "".join(BLOCK.findall(page)).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("advisor ")]


def test_every_option_of_the_commands_is_one_that_train_takes(page: str):
    known = {name for option in command.params for name in option.opts}
    found = commands(page)
    assert len(found) == 2
    for words in found:
        assert words[1] == "train"
        assert {word for word in words if word.startswith("--")} <= known
        assert words[words.index("--trainer") + 1] in registry.names("advisor.trainers")


def test_the_first_command_writes_the_job_and_says_where_to_run_it(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import json

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    rows = [{"prompt": row["ask"], "completion": row["answer"]} for row in advice(60)]
    Path("tickets.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    words = [*commands(page)[0][1:], "--run-dir", "run", "--yes", "--json", "--quiet"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1, result.output
    assert "axolotl train axolotl.yaml" in result.output
    [recipe] = Path("run/training").glob("*/recipe")
    assert (recipe / "train.jsonl").is_file()


def test_the_tables_are_those_of_the_code(page: str):
    rows = re.findall(r"^\| (.+?) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert set(OPTIONS) <= named
    assert {"axolotl", "llamafactory", "unsloth", "hosted"} <= named
    assert "(10); for one request (60)" in page
    usual = Address(base_url="http://localhost", api_key="none")
    assert (usual.poll_seconds, usual.timeout_seconds) == (10, 60)


def test_the_objectives_of_each_engine_are_those_of_the_table(page: str):
    table = page.partition("| objective |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for objective in re.findall(r"`(\w+)`", first):
            for name, cell in zip(OUTSIDE, cells, strict=True):
                taken = {o for o, _ in registry.trainer(name).info.pairs}
                assert (objective in taken) == (not cell.startswith("no")), (objective, name)
