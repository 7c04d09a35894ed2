"""`advisor train`: tune by the plan that the estimate recommended, if the gate says train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.artifacts import document
from advisor.cli.errors import GATE_SAYS_NO
from advisor.cli.interrupt import interruptible
from advisor.cli.options import required_run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run
from advisor.errors import StaleArtifactError
from advisor.pipeline import Pipeline
from advisor.schema.gate import GateVerdict
from advisor.standing import changed_since, refuse_stale


@click.command(name="train")
@click.option("--trainer", help="Trainer plugin (default: the run's).")
@click.option(
    "--resume/--restart",
    default=True,
    help="Continue an interrupted training (default), or begin anew.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and its estimate; train nothing.")
@required_run_dir_option
@standard_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    screen: Screen,
    run_dir: Path,
    trainer: str | None,
    resume: bool,
    dry_run: bool,
) -> None:
    """Tune the model. Refuses with exit code 4 unless the gate's verdict is train."""
    chosen: dict[str, Any] = {"trainer": trainer} if trainer else {}
    pipeline = open_run(screen, run_dir, chosen, start=False)
    verdict = pipeline.folder.read("gate", GateVerdict)
    if dry_run:
        option = pipeline.option()
        screen.result(document(option), lambda: _show_plan(screen, option))
        return
    if verdict.verdict != "train":
        screen.note(f"The gate says {verdict.verdict}: {verdict.because}")
        screen.result(document(verdict), lambda: None)
        ctx.exit(GATE_SAYS_NO)
    refuse_stale(pipeline.folder, "estimate", "baseline", "gate")
    _refuse_changed(pipeline)
    with interruptible(screen.command_line(), pipeline.workspace):
        result = pipeline.train(resume=resume)
    from advisor.render.training import show_training  # noqa: PLC0415 - rich is slow to load

    screen.result(pipeline.folder.raw("train"), lambda: show_training(screen.console, result))


def _show_plan(screen: Screen, option: Any) -> None:
    from advisor.render.plan import show_plan  # noqa: PLC0415 - rich is slow to load

    show_plan(screen.console, option)


def _refuse_changed(pipeline: Pipeline) -> None:
    changed = changed_since(pipeline.workspace)
    if changed:
        raise StaleArtifactError(
            changed[0],
            hint=f"Run `advisor run --run-dir {pipeline.folder.path}`.",
            where=str(pipeline.folder.path),
        )
