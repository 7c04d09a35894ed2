"""`advisor train --launcher`: write the job that trains where the GPUs are, and submit it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from advisor import registry
from advisor.artifacts import digest_of, document, write_text
from advisor.catalog.query import LOCAL, find_gpu, offers
from advisor.cli.launch_install import Installation, installation
from advisor.cli.launch_submit import submitted
from advisor.contracts import Launcher
from advisor.errors import InputError, PriceMissingError
from advisor.schema.estimate import Estimate
from advisor.schema.launch import Launched, LaunchTask
from advisor.schema.run import EMBEDDED_MODEL, RunSettings
from advisor.tuning import PLANNED_GPU

if TYPE_CHECKING:
    from advisor.cli.screen import Screen
    from advisor.pipeline import Pipeline
    from advisor.schema.catalog import Offer
    from advisor.schema.estimate import Option

FOLDER = "launch"
"""Sub-folder of the run folder, with one folder for each launcher."""
GROUP = "advisor.launchers"
COUNTED_FILE = "counted.json"
"""Prices that jobs of this run were told, so that none is taken for the user's own afterwards."""
SHARED = "shared_files"
"""What a launcher needs whose machines see this machine's files, and so its installation."""
ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
VARIABLES = (
    "HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WANDB_API_KEY", "MLFLOW_TRACKING_URI",
    ALLOW_DOWNLOAD,
)  # fmt: skip
"""Handed on by name where they are set here."""


class Asked(NamedTuple):
    """Which launcher was named, and whether it is to submit the job."""

    name: str
    submit: bool


def launcher_options(function: Any) -> Any:
    """Add --launcher and --submit; `launch_asked` says what was given."""
    for option in (
        click.option(
            "--submit",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="Submit the job too (with --launcher).",
        ),
        click.option(
            "--launcher",
            metavar="NAME",
            expose_value=False,
            callback=_remember,
            help="Write a job that trains elsewhere: skypilot, slurm, k8s or torchrun.",
        ),
    ):
        function = option(function)
    return function


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    ctx.meta[f"{__name__}.{parameter.name}"] = value
    return value


def launch_asked(ctx: click.Context) -> Asked | None:
    """What --launcher and --submit said; None without them, a usage error for --submit alone."""
    name = ctx.meta.get(f"{__name__}.launcher")
    submit = bool(ctx.meta.get(f"{__name__}.submit"))
    if name:
        return Asked(str(name), submit)
    if submit:
        msg = "--submit says nothing without --launcher NAME."
        raise click.UsageError(msg)
    return None


def launch(screen: Screen, pipeline: Pipeline, name: str, *, submit: bool) -> None:
    """Write the run's training as a job, say how to start it, and start it where `submit` asks.

    Raises UnknownPluginError, PlanError and StorageError; with `submit` ConsentError without
    consent, and TrainingError when the tool is missing or refuses the job.
    """
    launcher = cast("Launcher", registry.get(GROUP, name.lower()))
    task = launch_task(pipeline, launcher)
    folder = pipeline.folder.path.resolve() / FOLDER / launcher.info.id
    launched = launcher.write(task, folder)
    notes = (*_notes(pipeline, task), *launched.notes)
    price = launched.usd_per_hour if launched.usd_per_hour is not None else task.usd_per_hour
    launched = launched.model_copy(update={"notes": notes, "usd_per_hour": price})
    if price is not None and not task.is_own_price:
        kept = sorted({*_counted_before(folder.parent), _as_told(price)})
        write_text(folder.parent / COUNTED_FILE, json.dumps(kept) + "\n")
    if submit:
        launched = submitted(screen, launcher, launched)
    screen.result(document(launched), lambda: _show(launched))


def launch_task(pipeline: Pipeline, launcher: Launcher) -> LaunchTask:
    """The training of a run folder as a launcher gets it.

    Raises InputError for an option whose path would mean another place there.
    """
    option, folder = pipeline.option(), pipeline.folder.path.resolve()
    settings, is_shared = pipeline.settings, SHARED in launcher.info.needs
    refuse_relative(settings)
    made = Installation("") if is_shared else _installed(folder)
    local = option.gpu == LOCAL
    said = settings.usd_per_hour
    own = said is not None and _as_told(said) not in _counted_before(folder / FOLDER)
    environment = {} if local else {PLANNED_GPU: option.gpu}
    if not is_shared and _is_of_the_hub(pipeline.workspace.tuned_path):
        environment[ALLOW_DOWNLOAD] = "1"
    names = (name for name in VARIABLES if name not in environment)
    return LaunchTask(
        name=f"advisor-{digest_of(str(folder), digits=8)}",
        command=(*advisor_words(is_shared=is_shared), "train", "--run-dir", str(folder), "--yes"),
        run_dir=str(folder),
        send=(*sent(settings, folder), *made.send),
        gpu=_local_gpu(pipeline) if local else option.gpu,
        gpu_name="" if local else find_gpu(option.gpu).name,
        gpus=option.gpus,
        nodes=option.plan.nodes,
        hours=option.time_hours.high if option.time_hours else None,
        offer=option.offer,
        offers=_offers(pipeline, option),
        usd_per_hour=said if own else _counted(option, settings),
        is_own_price=own,
        memory_gib=_main_memory(option),
        setup=(made.command,) if made.command else (),
        variables=tuple(name for name in names if os.environ.get(name)),
        settings=environment,
    )


def _as_told(usd: float) -> float:
    """As it stands in a job's command, whose `advisor train` keeps it in the run's settings."""
    return float(f"{usd:.6g}")


def _counted_before(place: Path) -> list[float]:
    try:
        return [float(price) for price in json.loads((place / COUNTED_FILE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _installed(folder: Path) -> Installation:
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    return installation(place)


def _is_of_the_hub(model: str) -> bool:
    """Whether the machine there must fetch the model itself; a cache of this one is not sent."""
    return model != EMBEDDED_MODEL and not Path(model).expanduser().exists()


def _offers(pipeline: Pipeline, option: Option) -> tuple[Offer, ...]:
    """Everything on offer on the estimate's day; nothing where the plan is for own machines."""
    if option.offer is None or option.offer.kind == "own":
        return ()
    day = pipeline.folder.read("estimate", Estimate).prices_as_of
    try:
        return offers(option.gpu, day)
    except PriceMissingError:
        return ()


def _counted(option: Option, settings: RunSettings) -> float | None:
    """The estimate's price of an hour, where a budget is to hold by it."""
    offer = option.offer
    if settings.budget_usd is None or offer is None or offer.kind == "own":
        return None
    machines = -(-option.gpus // offer.gpus)
    return float(offer.usd_per_gpu_hour * machines * offer.gpus)


def _main_memory(option: Option) -> float | None:
    """As much as the GPUs of a machine have: weights pass through it."""
    if option.gpu == LOCAL:
        return option.memory.process_gib.high if option.memory.process_gib else None
    return find_gpu(option.gpu).memory_gib * (option.gpus // option.plan.nodes)


def _notes(pipeline: Pipeline, task: LaunchTask) -> list[str]:
    notes, settings = [], pipeline.settings
    if task.settings.get(ALLOW_DOWNLOAD):
        model = pipeline.workspace.tuned_path
        notes.append(f"{model} is no folder here that could be sent: it is downloaded there.")
    if settings.budget_usd is not None and task.usd_per_hour is None and not task.offers:
        notes.append("The budget limits nothing there: say with --usd-per-hour what an hour costs.")
    return notes


def _local_gpu(pipeline: Pipeline) -> str:
    """A plan for this machine asks for what this machine has."""
    from advisor.schema.profile import Profile  # noqa: PLC0415 - only for plans of this machine

    return "gpu" if pipeline.folder.read("profile", Profile).machine.gpus else "cpu"


def advisor_words(*, is_shared: bool) -> tuple[str, ...]:
    """How advisor is called there: this very installation where the files are shared."""
    return (sys.executable, "-m", "advisor") if is_shared else ("advisor",)


def sent(settings: RunSettings, folder: Path) -> tuple[str, ...]:
    """The run folder and every file and folder outside it that the settings name.

    Weights that stand on a base of another folder bring that one too.
    """
    named = [str(folder)]
    waiting = [text for _, text in _texts(settings)]
    while waiting:
        text = waiting.pop(0)
        path = Path(text)
        if text in named or not path.is_absolute() or not path.exists():
            continue
        if not path.is_relative_to(folder):
            named.append(text)
        waiting += _bases(path)
    return tuple(named)


def _bases(folder: Path) -> list[str]:
    """The folders that trained weights name as their base."""
    found = []
    for name, key in (("adapter_config.json", "base_model_name_or_path"), ("base.json", "model")):
        try:
            told = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(told, dict) and isinstance(told.get(key), str):
            found.append(told[key])
    return found


def _texts(settings: RunSettings) -> Iterator[tuple[str, str]]:
    """Every text in the settings, in dictionaries and tuples too, with the setting's name."""
    for key, value in settings.model_dump().items():
        if key == "model" and value == EMBEDDED_MODEL:
            continue
        inner = value if isinstance(value, dict) else {"": value}
        for name, part in inner.items():
            for text in part if isinstance(part, (list, tuple)) else (part,):
                if isinstance(text, str) and text:
                    yield (f"{key}.{name}" if name else key), text


def refuse_relative(settings: RunSettings) -> None:
    """Raise InputError for an option that names a folder or file from here."""
    for name, text in _texts(settings):
        if "." in name and os.sep in text and not Path(text).is_absolute() and Path(text).exists():
            option = name.partition(".")[2]
            raise InputError(
                f"{option}={text} is a path from this folder, and a job starts in another one.",
                hint=f"Give it whole: {option}={shlex.quote(str(Path(text).resolve()))}",
            )


def _show(launched: Launched) -> None:
    for file in launched.files:
        click.echo(f"Written: {file}")
    if launched.is_fetched:
        click.echo(f"Done with {launched.tool}; the run folder is back.")
    elif launched.is_submitted:
        click.echo(f"Submitted with {launched.tool}. {launched.said}".rstrip())
    else:
        click.echo("Start it with:")
        for words in launched.submit:
            click.echo(f"  {shlex.join(words)}")
    if launched.fetch and not launched.is_fetched:
        click.echo("When it is done, bring the run folder back with:")
        for words in launched.fetch:
            click.echo(f"  {shlex.join(words)}")
    for note in launched.notes:
        click.echo(note)
