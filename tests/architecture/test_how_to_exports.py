"""Every command on exports, merging and combining that a page or an exporter names is taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from advisor import registry
from advisor.cli.main import cli
from trainers.exporting.vllm import UNCHECKED

BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHIPPING = ("export", "merge", "combine")


def commands_of(page: str) -> list[list[str]]:
    """The words behind `advisor` of every command that ships something."""
    lines = "".join(BLOCK.findall(page)).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    return [words[1:] for words in found if words[:1] == ["advisor"] and words[1:2] != []]


def check(words: list[str]) -> None:
    """Parse a command as a shell would hand it over; click refuses what is missing or unknown."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    command.make_context(words[0], words[1:])
    if "--to" in words:
        form = words[words.index("--to") + 1]
        assert form == "card" or form in registry.names("advisor.exporters")


def pages(root: Path) -> dict[str, list[list[str]]]:
    """Page -> its commands that ship something, of those that have any."""
    texts = {path: path.read_text(encoding="utf-8") for path in (root / "docs").rglob("*.md")}
    found = {
        path.name: [words for words in commands_of(text) if words[0] in SHIPPING]
        for path, text in texts.items()
        if "reference" not in path.parts
    }
    return {name: commands for name, commands in found.items() if commands}


def test_every_command_of_every_page_is_taken(root: Path):
    found = pages(root)
    assert {"ship.md", "gguf-and-ollama.md", "combine.md"} <= set(found)
    for commands in found.values():
        for words in commands:
            check(words)


def test_a_command_without_what_it_needs_would_be_seen():
    with pytest.raises(click.UsageError, match="--run-dir"):
        check(["export", "--to", "gguf"])
    with pytest.raises(click.UsageError):
        check(["export", "RUN", "--run-dir", "RUN", "--to", "gguf"])


def test_the_commands_that_a_vllm_export_names_are_taken():
    (told,) = re.findall(r"`advisor (.*?)`", UNCHECKED.format("tickets"))
    check(shlex.split(told))
