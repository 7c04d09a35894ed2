"""The page on retrieval: its commands run, its tables are what the code has."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.cli.main import cli
from advisor.errors import InputError
from advisor.schema.diagnosis import Cause
from rag_baseline.combined.hybrid import READERS
from tests.fixtures.clean_sets import advice

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
MANUAL = (
    "# Pump\n\n## Warranty\nThe warranty lasts twelve months.\n\n"
    "## Errors\nError E-17 means that air is in the line.\n"
)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "retrieval.md").read_text(encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    lines = "".join(BLOCK.findall(page)).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("advisor ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": row["ask"], "completion": row["answer"]} for row in advice(60)]
    Path("tickets.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("manuals").mkdir()
    Path("manuals/pump.md").write_text(MANUAL, encoding="utf-8")
    return tmp_path


@pytest.mark.ml
def test_every_search_finds_the_passage(page: str, folder: Path) -> None:
    searches = [one for one in commands(page) if "search" in one and "pgvector" not in one]
    assert len(searches) == 5
    for command in searches:
        result = CliRunner().invoke(cli, [*command[1:], "--json", "--quiet"])
        assert result.exit_code == 0, result.output
        wanted = "E-17" if "error E-17" in command else "twelve months"
        assert wanted in json.loads(result.stdout)["found"][0]["text"]


@pytest.mark.ml
def test_the_search_by_pgvector_asks_the_server(
    page: str, folder: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVECTOR_DSN", postgres)
    [command] = [one for one in commands(page) if "pgvector" in one]
    result = CliRunner().invoke(cli, [*command[1:], "--json", "--quiet"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["searched_by"]["search"] == "pgvector"
    assert "twelve months" in found["found"][0]["text"]


@pytest.mark.ml
def test_the_measuring_command_runs(page: str, folder: Path) -> None:
    [command] = [one for one in commands(page) if "baseline" in one]
    extra = ["--backend", "echo", "--run-dir", str(folder / "run"), "--json", "--quiet"]
    result = CliRunner().invoke(cli, [*command[1:], *extra])
    assert result.exit_code == 0, result.output
    names = {each["builder"] for each in json.loads(result.stdout)["evaluations"]}
    assert names == {"zero_shot", "rag", "nearest_neighbour"}


def test_the_tables_are_complete(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", page, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", options)) for name, options in rows}
    assert set(told) == set(registry.names("advisor.retrievers"))
    for name, options in told.items():
        with pytest.raises(InputError) as refused:
            registry.retriever(name).configured({"no_such_option": "1"})
        taken = set(re.findall(r"\w+", refused.value.hint.partition(":")[2]))
        # The hybrid hands what it does not know to its parts, so that they refuse it.
        assert options == (set(READERS) if name == "hybrid" else taken), name
    causes = page.partition("| cause | look at |")[2].partition("## ")[0]
    assert set(re.findall(r"`(\w+)`", causes)) == set(get_args(Cause)) - {"no_answer", "wrong"}
