"""`advisor report`: everything a run folder holds, as terminal, Markdown and HTML."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.artifacts import document
from advisor.cli.options import required_run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run


@click.command(name="report")
@required_run_dir_option
@standard_options
def command(*, screen: Screen, run_dir: Path) -> None:
    """Write report.html and report.md from what the run has so far; no model is called."""
    pipeline = open_run(screen, run_dir, {}, start=False)
    report = pipeline.report()
    from advisor.render.report import show_report  # noqa: PLC0415 - rich is slow to load

    screen.result(
        document(report), lambda: show_report(screen.console, report, has_remarks=not screen.quiet)
    )
