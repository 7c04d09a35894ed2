"""Shows the recorded runs that correct estimates for this machine."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import UNKNOWN, make_table, plain, styled
from advisor.schema.calibration import CalibrationView


def show_calibration(console: Console, view: CalibrationView) -> None:
    """One run a line, with the file they lie in."""
    if not view.is_used:
        console.print("Calibration is switched off (ADVISOR_CALIBRATION).")
    elif not view.records:
        console.print("No run has been recorded; every finished training adds one.")
    else:
        _table(console, view)
    console.print(styled(view.file, "dim"))


def _table(console: Console, view: CalibrationView) -> None:
    table = make_table(
        "Id", "Date", "Model", "Method", "GiB", "of", "Ratio", "Tok/s", right=(4, 6, 7)
    )
    for record in view.records:
        speed = record.tokens_per_second
        table.add_row(
            plain(record.id),
            record.date,
            plain(record.model),
            plain(record.plan.method),
            f"{record.measured_gib:.2f}",
            record.tier,
            f"{record.measured_gib / record.estimated_gib:.2f}",
            UNKNOWN if speed is None else f"{speed:.0f}",
        )
    console.print(table)
