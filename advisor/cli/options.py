"""Options that every command takes, and the one that names a run folder."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from advisor.cli.screen import Screen

F = TypeVar("F", bound=Callable[..., Any])

SEED = click.IntRange(0, 2**32 - 1)


def standard_options(function: F) -> F:
    """Add --json, --quiet, --no-color, -v and --yes; the command receives `screen: Screen`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @click.option("--quiet", is_flag=True, help="No progress and no remarks.")
    @click.option("--no-color", is_flag=True, help="No colours (also: NO_COLOR).")
    @click.option("-v", "--verbose", is_flag=True, help="Show more, and other libraries' warnings.")
    @click.option("--yes", is_flag=True, help="Agree beforehand; never ask.")
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        as_json: bool,
        quiet: bool,
        no_color: bool,
        verbose: bool,
        yes: bool,
        **rest: Any,
    ) -> Any:
        color = not no_color and "NO_COLOR" not in os.environ
        screen = Screen(as_json=as_json, quiet=quiet, verbose=verbose, color=color, yes=yes)
        return function(*args, screen=screen, **rest)

    return wrapped  # type: ignore[return-value]


class FiniteRange(click.FloatRange):
    """A range of ordinary numbers: `nan` and `inf` are refused too."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; a usage error for anything else."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number in the range.", param, ctx)
        return number


def mapping_option(function: F) -> F:
    """Add --map; the command receives `mapping: str | None`."""
    option = click.option(
        "--map", "mapping", help="Fields of the data by hand: input=frage,target=antwort."
    )
    return option(function)


def run_dir_option(function: F) -> F:
    """Add --run-dir; the command receives `run_dir: Path | None`."""
    option = click.option(
        "--run-dir",
        type=click.Path(path_type=Path, file_okay=True),
        help="Folder of this run's artifacts (default: a new one under runs/).",
    )
    return option(function)


def required_run_dir_option(function: F) -> F:
    """Add --run-dir for a command that works on an earlier run."""
    option = click.option(
        "--run-dir",
        type=click.Path(path_type=Path),
        required=True,
        help="Folder of the run, as `advisor run` printed it.",
    )
    return option(function)
