"""`advisor calibration`: what finished runs on this machine took, and how to forget it."""

from __future__ import annotations

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen


@click.group(name="calibration")
def command() -> None:
    """Measured runs that correct estimates for this machine."""


@command.command(name="list")
@unused_run_dir_option
@standard_options
def list_command(*, screen: Screen) -> None:
    """Every recorded run: estimated and measured memory and speed."""
    _show(screen)


@command.command(name="remove")
@click.argument("record")
@unused_run_dir_option
@standard_options
def remove_command(*, screen: Screen, record: str) -> None:
    """Forget the run with the id RECORD, or `all` of them."""
    from advisor import calibration  # noqa: PLC0415 - pydantic is slow to load

    removed = calibration.remove(record)
    _show(screen, removed=removed)
    screen.note(f"{removed} removed.")


def _show(screen: Screen, removed: int = 0) -> None:
    from advisor import calibration  # noqa: PLC0415 - pydantic is slow to load
    from advisor.artifacts import document  # noqa: PLC0415
    from advisor.render.calibration import show_calibration  # noqa: PLC0415 - rich too
    from advisor.schema.calibration import CalibrationView  # noqa: PLC0415

    view = CalibrationView(
        file=str(calibration.file()),
        is_used=calibration.is_on(),
        records=calibration.records(),
        removed=removed,
    )
    screen.result(document(view), lambda: show_calibration(screen.console, view))
