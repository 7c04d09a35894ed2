"""The museum of bad inputs: every mistake is told in words, without a traceback or half a file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from advisor.cli.main import COMMANDS, cli

MUSEUM = Path(__file__).parent.parent / "broken"
ENTRIES: list[dict[str, Any]] = yaml.safe_load((MUSEUM / "museum.yaml").read_text(encoding="utf-8"))


def is_there(command: str) -> bool:
    """Whether the command's module exists; an unknown command is answered by the group itself."""
    module = COMMANDS.get(command, (f"{cli.__module__}:cli",))[0].partition(":")[0]
    return find_spec(module) is not None


def marks(entry: dict[str, Any]) -> list[pytest.MarkDecorator]:
    command = entry["command"][0]
    waits = entry.get("waits") or ("" if is_there(command) else f"no command {command} yet")
    skip = [pytest.mark.skip(reason=waits)] if waits else []
    return [*skip, *([pytest.mark.ml] if entry.get("ml") else [])]


def parameters() -> list[Any]:
    return [pytest.param(entry, id=entry["name"], marks=marks(entry)) for entry in ENTRIES]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    shutil.copytree(MUSEUM, tmp_path / "in")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    return {"in": str(tmp_path / "in"), "out": str(tmp_path / "out")}


def argv(entry: dict[str, Any], places: dict[str, str]) -> list[str]:
    return [
        word.replace("{in}", places["in"]).replace("{out}", places["out"])
        for word in entry["command"]
    ]


def listing(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def assert_told(result: Result, entry: dict[str, Any]) -> None:
    assert result.exit_code == entry.get("exit", 1), result.output
    assert "Traceback" not in result.output
    error_line, _, rest = result.stderr.partition("Error: ")[2].partition("\n")
    assert error_line
    assert rest.strip(), "no hint"
    told = " ".join(result.stderr.split())
    for word in entry["words"]:
        assert word in told


def assert_whole(folder: str) -> None:
    """Every document is complete and no temporary file was left."""
    for path in Path(folder).rglob("*"):
        assert not path.name.startswith("."), path
        assert not path.name.endswith((".tmp", ".part")), path
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", parameters())
def test_a_mistake_is_told(entry: dict[str, Any], places: dict[str, str]) -> None:
    before = listing(places["in"])
    result = CliRunner().invoke(cli, argv(entry, places))
    assert_told(result, entry)
    is_report = entry["command"][:2] == ["data", "check"] and "usable rows" in result.stdout
    assert result.stdout == "" or is_report
    assert listing(places["in"]) == before
    assert_whole(places["out"])


@pytest.mark.parametrize("entry", parameters())
def test_a_mistake_is_one_json_document(entry: dict[str, Any], places: dict[str, str]) -> None:
    result = CliRunner().invoke(cli, [*argv(entry, places), "--json"])
    assert result.exit_code == entry.get("exit", 1)
    error = json.loads(result.stdout)["error"]
    assert set(error) == {"type", "message", "hint", "where"}
    assert error["message"]
    assert error["hint"]
    told = " ".join(f"{error['message']} {error['hint']} {error['where']}".split())
    for word in entry["words"]:
        assert word in told


def test_every_file_of_the_museum_is_shown() -> None:
    words = " ".join(word for entry in ENTRIES for word in entry["command"])
    own_index = {"museum.yaml", "data"}  # data: the museum of tests/data_check/test_museum.py
    exhibits = {path.name for path in MUSEUM.iterdir()} - own_index
    assert exhibits
    assert [name for name in sorted(exhibits) if f"{{in}}/{name}" not in words] == []
    assert len({entry["name"] for entry in ENTRIES}) == len(ENTRIES)


def full_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many files reach the disk, then say it is full, as the kernel says it at fsync."""
    real, seen = os.fsync, []

    def fsync(handle: int) -> None:
        seen.append(handle)
        if len(seen) > writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("writes", [0, 1])
def test_a_full_disk_leaves_nothing_half_written(
    writes: int, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_after(writes, monkeypatch)
    folder = f"{places['out']}/run"
    command = ["profile", "--data", f"{places['in']}/good.jsonl", "--run-dir", folder]
    result = CliRunner().invoke(cli, command)
    assert_told(result, {"words": ["The disk is full", "nothing was half-written"]})
    assert_whole(folder)
    assert sorted(listing(folder)) == ["run.json"][:writes]


def test_a_file_that_may_not_grow_leaves_nothing_half_written(places: dict[str, str]) -> None:
    """A real refusal of the kernel: no file may become larger than 64 bytes."""
    folder = f"{places['out']}/run"
    code = (
        "import resource, sys; from advisor.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); main()"
    )
    command = ["profile", "--data", f"{places['in']}/good.jsonl", "--run-dir", folder]
    result = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "Cannot write run.json: File too large" in result.stderr
    assert "--run-dir" in result.stderr
    assert "Traceback" not in result.stderr
    assert listing(folder) == {}


WITHOUT = """
import importlib.machinery, sys
real = importlib.machinery.PathFinder.find_spec.__func__
def find_spec(cls, name, path=None, target=None):
    return None if name.partition(".")[0] in {absent} else real(cls, name, path, target)
importlib.machinery.PathFinder.find_spec = classmethod(find_spec)
from advisor.cli.main import main
main()
"""
ABSENT = {
    "train": (
        ("torch", "transformers", "peft", "trl", "accelerate", "datasets"),
        ["baseline", "--data", "{in}/good.jsonl", "--builders", "zero_shot"],
    ),
    "rag": (
        ("faiss", "sentence_transformers"),
        [
            "baseline",
            "--data",
            "{in}/good.jsonl",
            "--docs",
            "{in}/words.rst",
            "--builders",
            "rag",
            "--backend",
            "echo",
        ],
    ),
}


@pytest.mark.parametrize("extra", ABSENT)
def test_a_missing_extra_names_the_pip_line(extra: str, places: dict[str, str]) -> None:
    absent, command = ABSENT[extra]
    words = [*argv({"command": command}, places), "--run-dir", f"{places['out']}/run", "--json"]
    code = WITHOUT.replace("{absent}", repr(set(absent)))
    result = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stderr
    error = json.loads(result.stdout)["error"]
    assert error["type"] == "MissingExtraError"
    assert f"pip install 'finetune-advisor[{extra}]'" in error["hint"]
    assert "Traceback" not in result.stderr
    assert_whole(places["out"])
