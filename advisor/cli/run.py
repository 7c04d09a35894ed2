"""`advisor run`: every stage in order on the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.artifacts import document
from advisor.cli.errors import DONE, GATE_SAYS_NO, VERIFICATION_FAILED
from advisor.cli.interrupt import interruptible
from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.probing_options import probing_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run, settings_options
from advisor.cli.tuning_options import tuning_options
from advisor.errors import DatasetError
from advisor.pipeline import agree
from advisor.schema.estimate import Option
from advisor.schema.gate import GateVerdict
from advisor.schema.report import Report


@click.command(name="run")
@tuning_options
@probing_options
@settings_options
@click.option("--auto-train", is_flag=True, help="Train without asking when the gate says train.")
@run_dir_option
@standard_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    screen: Screen,
    run_dir: Path | None,
    chosen: dict[str, Any],
    auto_train: bool,
) -> None:
    """Every stage in order: profile, decide, estimate, baseline, gate, train, verify, report.

    Training starts on this machine by itself when the gate says train (on a terminal it asks
    first), and against the gate only with --override-gate. Calling `run` again on the same folder
    continues.
    """
    if run_dir is None and "data" not in chosen:
        raise DatasetError(
            "No data was given.",
            hint="Name a file with --data FILE, or continue a run with --run-dir DIR.",
        )
    pipeline = open_run(screen, run_dir, chosen, start=True)

    def ask(verdict: GateVerdict, option: Option) -> bool:
        screen.note(verdict.because)
        return click.confirm(f"Train now with {option.method} on this machine?", err=True)

    consent = ask if screen.may_ask and not auto_train else agree
    with interruptible(screen.command_line("--run-dir", pipeline.folder.path), pipeline.workspace):
        report = pipeline.run(consent)
    screen.result(document(report), lambda: _show(screen, report))
    ctx.exit(exit_code(report))


def exit_code(report: Report) -> int:
    """The exit code of the last stage that decided."""
    if report.verification is not None:
        return DONE if report.verification.verdict == "keep" else VERIFICATION_FAILED
    if report.gate is not None:
        return DONE if report.gate.verdict == "train" else GATE_SAYS_NO
    return DONE


def _show(screen: Screen, report: Report) -> None:
    from advisor.render.report import show_report  # noqa: PLC0415 - rich is slow to load

    show_report(screen.console, report)
