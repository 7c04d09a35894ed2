"""`advisor data`: look at a data file before anything is built on it, and mend it."""

from __future__ import annotations

import click

from advisor.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("advisor.cli.data_check:command", "Every fault, with row numbers and hints."),
    "split": ("advisor.cli.data_split:command", "Train, dev and test parts that do not leak."),
}


@click.group(name="data", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Check a data file."""
