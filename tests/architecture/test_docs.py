"""Generated pages are fresh, links lead somewhere, and every command that is shown exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from advisor.cli.main import cli

BLOCK = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def pages(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def shown_commands(page: Path) -> Iterator[list[str]]:
    """Every command line in the page's shell blocks, continued lines joined."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            end = next((i for i, word in enumerate(words) if word in (">", "|")), len(words))
            if words[:end]:
                yield words[:end]


def fault(words: list[str]) -> str:
    """What is wrong with an `advisor` command line: an unknown command or option; empty if nothing."""
    command: click.Command = cli
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"no command {rest[0]}"
        command, rest = found, rest[1:]
    with click.Context(command) as context:
        known = {o for p in command.get_params(context) for o in (*p.opts, *p.secondary_opts)}
    unknown = [w for w in rest if w.startswith("-") and w.partition("=")[0] not in known]
    return f"{command.name} has no {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("script", ["make_docs.py", "update_readme.py"])
def test_what_is_generated_is_fresh(root: Path, script: str):
    checked = subprocess.run(
        [sys.executable, f"scripts/{script}", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_advisor_command_shown_exists(root: Path):
    shown = [(p.name, w) for p in pages(root) for w in shown_commands(p) if w[0] == "advisor"]
    assert len(shown) > 10
    faults = [
        f"{page}: {shlex.join(words)}: {fault(words)}" for page, words in shown if fault(words)
    ]
    assert faults == []


def test_every_make_target_shown_exists(root: Path):
    targets = set(TARGET.findall((root / "Makefile").read_text()))
    shown = [w for p in pages(root) for w in shown_commands(p) if w[0] == "make"]
    assert len(shown) > 3
    assert [w for w in shown if set(w[1:]) - targets - {x for x in w if "=" in x}] == []


def test_every_script_shown_exists(root: Path):
    for page in pages(root):
        for words in shown_commands(page):
            for word in words:
                if re.fullmatch(r"(?:scripts|benchmarks|examples)/[\w/.-]+\.(?:py|sh)", word):
                    assert (root / word).is_file(), f"{page.name}: {word}"


def test_links_lead_somewhere(root: Path):
    broken = [
        f"{page.relative_to(root)}: {link}"
        for page in pages(root)
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_a_wrong_command_would_be_found():
    assert fault(["advisor", "estimat"]) == "no command estimat"
    assert fault(["advisor", "doctor", "--jsn"]) == "doctor has no --jsn"
    assert fault(["advisor", "doctor", "--json"]) == ""
