"""What commands beside the journey do with --run-dir: accept it and leave it alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

PROFILE = "task: {kind: chat}\n"
ASIDE = {
    "plugins": ("plugins", "metrics"),
    "doctor": ("doctor",),
    "rules list": ("rules", "list"),
    "rules show": ("rules", "show", "data-stays-here"),
    "rules explain": ("rules", "explain", "--profile", "{profile}"),
    "catalog show": ("catalog", "show"),
    "data check": ("data", "check", "{data}"),
    "interview": ("interview", "--answers", "{profile}", "--yes"),
}


@pytest.mark.parametrize("name", ASIDE)
def test_run_dir_is_accepted_and_left_alone(name: str, tmp_path: Path):
    profile, data = tmp_path / "profile.yaml", tmp_path / "data.jsonl"
    profile.write_text(PROFILE)
    rows = [{"prompt": f"What is {n}?", "completion": f"It is {n}."} for n in range(40)]
    data.write_text("\n".join(map(json.dumps, rows)))
    words = [word.format(profile=profile, data=data) for word in ASIDE[name]]
    result = CliRunner().invoke(cli, [*words, "--run-dir", str(tmp_path / "run"), "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["schema_version"]
    assert not (tmp_path / "run").exists()


def test_every_command_accepts_run_dir():
    import click

    context = click.Context(cli)

    def lacking(command: click.Command, path: str):
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from lacking(command.get_command(context, name), f"{path} {name}")
        elif "--run-dir" not in {opt for param in command.params for opt in param.opts}:
            yield path.strip()

    assert list(lacking(cli, "")) == []
