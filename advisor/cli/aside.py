"""The option that commands beside the journey accept, so that scripts may give it everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def unused_run_dir_option(function: F) -> F:
    """Accept --run-dir without handing it on: the command has no part in a run."""
    option = click.option(
        "--run-dir",
        type=click.Path(path_type=Path),
        expose_value=False,
        help="Accepted by every command; this one reads and writes no run.",
    )
    return option(function)
