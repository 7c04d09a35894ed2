"""`advisor gate`: is training warranted, from stored documents; a missing estimate is made."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import FILES
from advisor.cli.errors import DONE, GATE_SAYS_NO
from advisor.cli.options import FiniteRange, required_run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run
from advisor.standing import changed_since

if TYPE_CHECKING:
    from advisor.schema.gate import GateVerdict


@click.command(name="gate")
@click.option("--target", type=FiniteRange(0, 1), help="Judge against another target, 0 to 1.")
@click.option("--policy", help="File that switches rules off, reweighs or adds them.")
@required_run_dir_option
@standard_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    screen: Screen,
    run_dir: Path,
    target: float | None,
    policy: str | None,
) -> None:
    """Decide train, stop or collect from the measured baselines; no model is called.

    A run without an estimate is estimated first.

    Exit code 0 for train, 4 for stop and collect.
    """
    chosen: dict[str, Any] = {"policy": policy} if policy else {}
    pipeline = open_run(screen, run_dir, chosen, start=False)
    verdict = pipeline.regate(target=target)
    if "estimate" in pipeline.made:
        screen.note(f"Estimated first: {FILES['estimate']}")
    for sentence in changed_since(pipeline.workspace):
        screen.note(f"Warning: {sentence}")
    screen.result(pipeline.folder.raw("gate"), lambda: _show(screen, verdict, run_dir))
    ctx.exit(DONE if verdict.verdict == "train" else GATE_SAYS_NO)


def _show(screen: Screen, verdict: GateVerdict, run_dir: Path) -> None:
    from advisor.render.decision import show_command  # noqa: PLC0415 - rich is slow to load
    from advisor.render.gate import show_gate  # noqa: PLC0415 - rich is slow to load

    show_gate(screen.console, verdict)
    step = "train" if verdict.verdict == "train" else "report"
    show_command(screen.console, shlex.join(["advisor", step, "--run-dir", str(run_dir)]))
