"""What a mended copy of a data file came to."""

from __future__ import annotations

from rich.console import Console

from advisor.render.grid import Grid
from advisor.render.terminal import grid_table, plain, show_facts, styled
from advisor.schema.dataset import DataFix


def show_data_fix(console: Console, done: DataFix) -> None:
    """Rows kept, what was changed and left out by cause, and where copy and log lie."""
    facts = [
        ("file", done.path),
        ("format", done.format),
        ("rows kept", f"{done.kept:,} of {done.rows:,}"),
        ("copy", f"{done.out} ({done.out_format})"),
        ("log", done.log),
    ]
    show_facts(console, facts)
    rows = [(code, "changed", f"{count:,}") for code, count in done.changed.items()]
    rows += [(code, "left out", f"{count:,}") for code, count in done.dropped.items()]
    if rows:
        console.print(grid_table(console, Grid(("Cause", "", "Rows"), tuple(rows), right=(2,))))
    else:
        console.print(styled("Nothing had to be changed.", "green"))
    for note in done.notes:
        console.print(plain(note, style="dim"))
    console.print(plain(f"Look at it again with: advisor data check {done.out}"))
