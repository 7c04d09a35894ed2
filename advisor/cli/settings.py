"""Options that say what a run works on, and how they become its settings and folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from advisor.artifacts import RunFolder
from advisor.cli.measuring_options import OPTIONS, read
from advisor.cli.options import SEED, FiniteRange
from advisor.cli.probing_options import absolute
from advisor.cli.screen import Screen
from advisor.cli.tuning_options import merged
from advisor.contracts import Reporting
from advisor.errors import InputError, StorageError
from advisor.general import general_data
from advisor.kept_settings import load_settings, save_settings
from advisor.pipeline import Pipeline
from advisor.probes import check_probes
from advisor.schema.run import EMBEDDED_MODEL, SETTINGS_FILE, RunSettings
from advisor.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

RUNS = Path("runs")
PATHS = ("data", "docs", "answers", "policy", "general_data")


def settings_options(function: F) -> F:
    """Add every option of RunSettings; the command receives `chosen: dict` of those given."""
    options = [
        click.option("--data", help="Dataset: JSONL, JSON, CSV or TSV."),
        click.option("--docs", help="File or folder with documents for retrieval."),
        click.option("--answers", help="Answers or profile file (YAML or JSON)."),
        click.option("--policy", help="File that switches rules off, reweighs or adds them."),
        click.option(
            "--model", help=f"Model folder, or its name at the backend (default: {EMBEDDED_MODEL})."
        ),
        click.option("--backend", help="Model backend plugin (default: transformers)."),
        click.option("--instruction", help="System turn before every sample."),
        click.option("--metric", help="Metric plugin (default: exact_match)."),
        click.option("--target", type=FiniteRange(0, 1), help="Score that is good enough, 0 to 1."),
        click.option(
            "--builders",
            help="Prompt builders and predictors, by comma (default: those the advice calls for).",
        ),
        click.option(
            "--method",
            "methods",
            multiple=True,
            help="Tuning method; repeatable (default: those the advice calls for).",
        ),
        click.option("--trainer", help="Trainer plugin (default: trl)."),
        click.option("--gpu", help="GPU to plan for (default: local, this machine)."),
        click.option(
            "--budget-usd",
            type=FiniteRange(0),
            help="Most that tuning, and most that answers, may cost.",
        ),
        click.option("--max-hours", type=FiniteRange(0), help="Most that tuning may take."),
        click.option(
            "--limit", type=click.IntRange(1), help="At most so many test samples (default: 250)."
        ),
        click.option("--max-new-tokens", type=click.IntRange(1), help="Longest answer, in tokens."),
        click.option("--seed", type=SEED, help="Seed of split, shots and training (default: 0)."),
        *OPTIONS,
        click.option("--name", help="Name of the run."),
    ]
    names = ("methods", *(o for o in RunSettings.model_fields if o != "methods"))

    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        chosen = {n: given.pop(n) for n in names if n in given}
        kept = {n: v for n, v in chosen.items() if v is not None and v != ()}
        return function(*args, chosen=kept, **given)

    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def make_settings(chosen: dict[str, Any], earlier: RunSettings | None = None) -> RunSettings:
    """Settings from options, over those of an earlier run in the same folder.

    Raises InputError for a value out of range.
    """
    values = merged(absolute(read(chosen)), earlier)
    for key in PATHS:
        if key in values:
            values[key] = str(Path(values[key]).resolve())
    for key in ("model", "embedder"):
        if key in values and Path(values[key]).is_dir():
            values[key] = str(Path(values[key]).resolve())
    if "builders" in values:
        values["builders"] = tuple(n.strip() for n in values["builders"].split(",") if n.strip())
    if "name" not in values and earlier is None and "data" in values:
        values["name"] = Path(values["data"]).stem
    if "tolerate" in values:
        values["tolerate_for"] = None
    base = earlier.model_dump() if earlier is not None else {}
    try:
        return RunSettings.model_validate(base | values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise InputError(
            f"--{option}: {first['msg']}.", hint="See the option's range with --help."
        ) from error


def open_run(
    screen: Screen, run_dir: Path | None, chosen: dict[str, Any], *, start: bool
) -> Pipeline:
    """The pipeline over a run folder: an earlier one continued, or a new one when `start`.

    Raises MissingArtifactError when `start` is false and the folder holds no run.
    """
    folder = RunFolder((run_dir or _new_folder(chosen)).resolve())
    is_old = (folder.path / SETTINGS_FILE).is_file()
    earlier = load_settings(folder) if is_old or not start else None
    settings = make_settings(chosen, earlier)
    emit = screen.emitter()
    space = Workspace(settings, folder, progress=screen.progress(), emit=emit, say=screen.note)
    if chosen or not is_old:
        space.check()
        _check_training(space)
        _writable(folder.path)
        save_settings(space.settings, space.folder)
    if run_dir is None:
        screen.note(f"Run folder: {folder.path}")
    return Pipeline(space, may_spend=screen.yes)


def _check_training(space: Workspace) -> None:
    """Look at what only training reads, so that it is refused before any work.

    Raises InputError and MissingProgramError for a tracker, DatasetError for general data, and what
    `check_probes` raises.
    """
    chosen = space.settings
    if chosen.report_to and isinstance(space.trainer, Reporting):
        space.trainer.check_trackers(chosen.report_to)
    if chosen.general_data:
        known = space.samples if space.dataset else ()
        general_data(chosen.general_data, model=chosen.model, beside=known)
    check_probes(space)


def _new_folder(chosen: dict[str, Any]) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = chosen.get("name") or (Path(chosen["data"]).stem if "data" in chosen else "run")
    path = RUNS / f"{stamp}-{name}"
    others = (RUNS / f"{path.name}-{number}" for number in count(2))
    return next(place for place in chain((path,), others) if not place.exists())


def _writable(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The run folder {path} cannot be made: {error.strerror}.",
            hint="Choose a folder you may write to with --run-dir.",
            where=str(path),
        ) from error
