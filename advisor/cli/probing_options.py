"""Options that say what is asked beside the task, before and after tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor.errors import InputError

if TYPE_CHECKING:
    from advisor.schema.run import RunSettings

F = TypeVar("F", bound=Callable[..., Any])
REPEATABLE = {"probes": "--probe", "harness_tasks": "--harness-task"}

OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--probe",
        "probes",
        multiple=True,
        metavar="FILE[=METRIC]",
        help="Samples asked before and after tuning, to see what got worse; repeatable, kept for "
        "this run.",
    ),
    click.option(
        "--probes/--no-probes",
        "use_probes",
        default=None,
        help="Ask the packaged probes too (default), or only those named; kept for this run.",
    ),
    click.option(
        "--tolerate",
        metavar="REASON",
        help="Keep the model although it got worse elsewhere; the reason is kept for this model.",
    ),
    click.option(
        "--harness-task",
        "harness_tasks",
        multiple=True,
        metavar="NAME",
        help="Task of lm-evaluation-harness asked of both models; repeatable.",
    ),
    click.option("--harness-path", metavar="DIR", help="Folder with such tasks of your own."),
]


def probing_options(function: F) -> F:
    """Add the options; the command receives them under the names of RunSettings."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that were given."""
    return {name: value for name, value in values.items() if value is not None and value != ()}


def remembered(settings: RunSettings, values: Mapping[str, Any]) -> list[str]:
    """What an earlier call said of probes and still holds, a sentence each."""
    told = []
    if not settings.use_probes and values.get("use_probes") is None:
        told.append("The packaged probes are off since an earlier --no-probes; --probes asks them.")
    for name, option in REPEATABLE.items():
        kept = getattr(settings, name)
        if kept and not values.get(name):
            shown = ", ".join(PurePath(value).name for value in kept)
            told.append(f"Asked as well since an earlier {option}: {shown}; {option} '' drops it.")
    if settings.tolerate and values.get("tolerate") is None:
        told.append("What got worse is tolerated by an earlier --tolerate; --tolerate '' ends it.")
    return told


def absolute(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the files that they name by their absolute path.

    An empty name drops what was named before. Raises InputError for a reason that says nothing.
    """
    found = dict(values)
    reason = found.get("tolerate")
    if reason and not reason.strip():
        raise InputError(
            "--tolerate needs a reason.", hint="Say in words why what got worse may be tolerated."
        )
    for name in REPEATABLE:
        if found.get(name):
            found[name] = tuple(value for value in found[name] if value.strip())
    if found.get("probes"):
        found["probes"] = tuple(_placed(text) for text in found["probes"])
    if found.get("harness_path"):
        found["harness_path"] = str(Path(found["harness_path"]).resolve())
    return found


def _placed(text: str) -> str:
    """FILE or FILE=METRIC with the file's absolute path; a name may hold an equals sign."""
    file, sign, metric = text.rpartition("=")
    if not sign or Path(text).is_file():
        return str(Path(text).resolve())
    return f"{Path(file).resolve()}={metric}"
