"""`advisor baseline`: measure what needs no training on the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.artifacts import document
from advisor.cli.interrupt import interruptible
from advisor.cli.onward import in_run
from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run, settings_options
from advisor.standing import metric_warnings


@click.command(name="baseline")
@settings_options
@run_dir_option
@standard_options
def command(*, screen: Screen, run_dir: Path | None, chosen: dict[str, Any]) -> None:
    """Score prompts, retrieval and systems without a language model on the same test samples.

    --builders takes prompt builders and predictors (`advisor plugins prompting predictors` lists
    them). Systems measured in the run folder before are kept.
    """
    pipeline = open_run(screen, run_dir, chosen, start=True)
    with interruptible(screen.command_line("--run-dir", pipeline.folder.path)):
        baselines = pipeline.baseline()
    from advisor.render.decision import show_command  # noqa: PLC0415 - rich is slow to load
    from advisor.render.evaluation import show_baselines  # noqa: PLC0415 - rich is slow to load

    told = dict.fromkeys((*metric_warnings(pipeline.workspace), *baselines.warnings))
    aimed = baselines.model_copy(
        update={"target": pipeline.workspace.answers.task.target, "warnings": tuple(told)}
    )
    origin = pipeline.folder.origin("baseline")
    onward = in_run(run_dir or pipeline.folder.path)

    def show() -> None:
        show_baselines(screen.console, aimed)
        show_command(screen.console, onward.line)

    screen.result(document(aimed, origin), show)
