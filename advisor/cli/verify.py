"""`advisor verify`: the tuned model against every baseline on the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.cli.errors import DONE, VERIFICATION_FAILED
from advisor.cli.interrupt import interruptible
from advisor.cli.options import required_run_dir_option, standard_options
from advisor.cli.probing_options import given, probing_options, remembered
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run


@click.command(name="verify")
@probing_options
@required_run_dir_option
@standard_options
@click.pass_context
def command(ctx: click.Context, /, *, screen: Screen, run_dir: Path, **probing: Any) -> None:
    """Prove on held-out data that tuning helped. Exit code 0 for keep, 5 otherwise.

    The base and the tuned model are also asked what the task does not ask: what got worse beyond
    chance, and by more than is allowed, discards the tuned model.
    """
    pipeline = open_run(screen, run_dir, given(probing), start=False)
    for sentence in remembered(pipeline.settings, probing):
        screen.note(sentence)
    with interruptible(screen.command_line()):
        verification = pipeline.verify()
    from advisor.render.evaluation import show_verification  # noqa: PLC0415 - rich is slow to load
    from advisor.standing import changed_since  # noqa: PLC0415

    for sentence in changed_since(pipeline.workspace):
        screen.note(f"Warning: {sentence}")

    shown = verification.model_copy(update={"warnings": ()}) if screen.quiet else verification
    screen.result(pipeline.folder.raw("verify"), lambda: show_verification(screen.console, shown))
    ctx.exit(DONE if verification.verdict == "keep" else VERIFICATION_FAILED)
