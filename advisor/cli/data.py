"""`advisor data`: look at a data file before anything is built on it, and mend it."""

from __future__ import annotations

import click

from advisor.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("advisor.cli.data_check:command", "Every fault, with row numbers and hints."),
    "fix": ("advisor.cli.data_fix:command", "A cleaned copy, and a log of every change."),
    "split": ("advisor.cli.data_split:command", "Train, dev and test parts that do not leak."),
    "generate": ("advisor.cli.data_generate:command", "More rows, written by a model and checked."),
}


@click.group(name="data", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Check a data file."""
