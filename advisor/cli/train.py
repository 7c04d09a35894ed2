"""`advisor train`: tune by the plan, if the gate says train or the user overrides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.artifacts import document
from advisor.cli.around_training import show_result, tell_data
from advisor.cli.errors import GATE_SAYS_NO
from advisor.cli.interrupt import interruptible
from advisor.cli.launch import launch, launch_asked, launcher_options
from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run, settings_options
from advisor.cli.tuning_options import tuning_options
from advisor.errors import MissingArtifactError, StaleArtifactError
from advisor.pipeline import Pipeline
from advisor.plan_words import untaken
from advisor.schema.gate import GateVerdict
from advisor.stages.train import check_trains
from advisor.standing import changed_since, refuse_stale
from advisor.tuning import why_not

PLANNED_BY = ("objective", "plan", "plan_from", "method_options", "methods", "general_data")
"""Settings of which the estimate is made."""


@click.command(name="train")
@tuning_options
@settings_options
@launcher_options
@click.option(
    "--resume/--restart",
    default=True,
    help="Continue an interrupted training (default), or begin anew.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print the whole plan and its estimate; nothing else."
)
@run_dir_option
@standard_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    screen: Screen,
    run_dir: Path | None,
    chosen: dict[str, Any],
    resume: bool,
    dry_run: bool,
) -> None:
    """Tune the model by the plan; refuses with exit code 4 unless the gate's verdict is train.

    Works on the folder of `advisor run`. With --data FILE it starts one, and then needs
    --override-gate REASON, since nothing has been measured. --dry-run works in either case.
    """
    if run_dir is None and "data" not in chosen:
        msg = "Missing option '--run-dir', the folder of a run; or start with --data FILE."
        raise click.UsageError(msg)
    if dry_run:
        _preview(screen, run_dir, chosen)
        return
    pipeline = open_run(screen, run_dir, chosen, start="data" in chosen)
    _plan_anew(pipeline, chosen, dry_run=False)
    if _is_refused(screen, pipeline):
        ctx.exit(GATE_SAYS_NO)
    if asked := launch_asked(ctx):
        launch(screen, pipeline, asked.name, submit=asked.submit)
        return
    for told in untaken(pipeline.settings, pipeline.plan()):
        screen.note(told)
    tell_data(screen, pipeline)
    with interruptible(screen.command_line("--run-dir", pipeline.folder.path), pipeline.workspace):
        result = pipeline.train(resume=resume)
    screen.result(pipeline.folder.raw("train"), lambda: show_result(screen, pipeline, result))


def _plan_anew(pipeline: Pipeline, chosen: dict[str, Any], *, dry_run: bool) -> None:
    """Make the estimate where there is none or its plan was changed, and judge again by it.

    Judging again calls no model.
    """
    folder, methods = pipeline.folder, pipeline.settings.methods
    if len(methods) == 1:
        check_trains(pipeline.workspace.trainer.info, methods[0])
    is_changed = any(name in chosen for name in PLANNED_BY)
    is_stale = dry_run and folder.has("estimate") and folder.freshness("estimate") == "stale"
    may_begin = dry_run or bool(pipeline.settings.gate_override)
    if is_changed or is_stale or (may_begin and not folder.has("estimate")):
        target = folder.read("gate", GateVerdict).target if folder.has("gate") else None
        if pipeline.workspace.card is None:
            pipeline.profile()
            return
        pipeline.estimate()
        if folder.has("gate") and folder.freshness("gate") == "stale" and folder.has("baseline"):
            pipeline.regate(target=target)


def _is_refused(screen: Screen, pipeline: Pipeline) -> bool:
    """Whether the gate says no, which is then told.

    Raises MissingArtifactError where it was not asked, StaleArtifactError where what it was asked
    about has changed.
    """
    folder = pipeline.folder
    why = why_not(pipeline.workspace)
    if why and not folder.has("gate"):
        raise MissingArtifactError(
            f"{why} So nothing is trained.",
            hint=f"Measure first: `advisor run --run-dir {folder.path}`; or train all the same with"
            ' --override-gate "REASON".',
            where=str(folder.path),
        )
    if why:
        verdict = folder.read("gate", GateVerdict)
        screen.note(f"{why[:-1]}: {verdict.because}")
        screen.note('To train all the same, say why: --override-gate "REASON".')
        screen.result(document(verdict), lambda: None)
        return True
    if pipeline.settings.gate_override:
        if folder.has("estimate"):
            refuse_stale(folder, "estimate")
    else:
        refuse_stale(folder, "estimate", "baseline", "gate")
    _refuse_changed(pipeline)
    return False


def _preview(screen: Screen, run_dir: Path | None, chosen: dict[str, Any]) -> None:
    """Show what training would do; nothing in the run folder changes."""
    from advisor.cli.dry_run import beside, show_preview  # noqa: PLC0415 - only for --dry-run

    with beside(run_dir) as folder:
        pipeline = open_run(screen, folder, chosen, start="data" in chosen)
        _plan_anew(pipeline, chosen, dry_run=True)
        show_preview(screen, pipeline)


def _refuse_changed(pipeline: Pipeline) -> None:
    changed = changed_since(pipeline.workspace)
    if changed:
        raise StaleArtifactError(
            changed[0],
            hint=f"Run `advisor run --run-dir {pipeline.folder.path}`.",
            where=str(pipeline.folder.path),
        )
