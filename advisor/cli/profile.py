"""`advisor profile`: what is known of task, data, documents and machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run, settings_options


@click.command(name="profile")
@settings_options
@run_dir_option
@standard_options
def command(*, screen: Screen, run_dir: Path | None, chosen: dict[str, Any]) -> None:
    """Measure the data, the documents and this machine; add what the answers file says."""
    pipeline = open_run(screen, run_dir, chosen, start=True)
    profile = pipeline.profile()
    from advisor.render.profile import show_profile  # noqa: PLC0415 - rich is slow to load

    screen.result(pipeline.folder.raw("profile"), lambda: show_profile(screen.console, profile))
