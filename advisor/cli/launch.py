"""`advisor train --launcher`: write the job that trains where the GPUs are, and submit it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from advisor import __version__, registry
from advisor.artifacts import digest_of, document
from advisor.catalog.query import LOCAL, find_gpu
from advisor.contracts import Launcher
from advisor.errors import ConsentError, TrainingError
from advisor.schema.launch import Launched, LaunchTask
from advisor.schema.run import EMBEDDED_MODEL, RunSettings
from advisor.tuning import PLANNED_GPU

if TYPE_CHECKING:
    from advisor.cli.screen import Screen
    from advisor.pipeline import Pipeline

FOLDER = "launch"
"""Sub-folder of the run folder, with one folder for each launcher."""
GROUP = "advisor.launchers"
SHARED = "shared_files"
"""What a launcher needs whose machines see this machine's files, and so its installation."""
INSTALL = "ADVISOR_INSTALL"
"""Environment variable: what pip installs on the other machine, instead of the released package."""
EXTRAS = "data,docs,eval,metrics,rag,train,qlora"
VARIABLES = (
    "HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WANDB_API_KEY", "MLFLOW_TRACKING_URI",
    "ADVISOR_ALLOW_DOWNLOAD",
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
    if submit:
        launched = _submitted(screen, launcher, launched)
    screen.result(document(launched), lambda: _show(launched))


def launch_task(pipeline: Pipeline, launcher: Launcher) -> LaunchTask:
    """The training of a run folder as a launcher gets it."""
    option, folder = pipeline.option(), pipeline.folder.path.resolve()
    is_shared = SHARED in launcher.info.needs
    install = os.environ.get(INSTALL, "")
    send = sent(pipeline.settings, folder)
    if not is_shared and Path(install).is_absolute() and Path(install).exists():
        send = (*send, install)
    local = option.gpu == LOCAL
    return LaunchTask(
        name=f"advisor-{digest_of(str(folder), digits=8)}",
        command=(*advisor_words(is_shared=is_shared), "train", "--run-dir", str(folder), "--yes"),
        run_dir=str(folder),
        send=send,
        gpu=_local_gpu(pipeline) if local else option.gpu,
        gpu_name="" if local else find_gpu(option.gpu).name,
        gpus=option.gpus,
        nodes=option.plan.nodes,
        hours=option.time_hours.high if option.time_hours else None,
        offer=option.offer,
        setup=() if is_shared else (_installation(install),),
        variables=tuple(name for name in VARIABLES if os.environ.get(name)),
        settings={} if local else {PLANNED_GPU: option.gpu},
    )


def _local_gpu(pipeline: Pipeline) -> str:
    """A plan for this machine asks for what this machine has."""
    from advisor.schema.profile import Profile  # noqa: PLC0415 - only for plans of this machine

    return "gpu" if pipeline.folder.read("profile", Profile).machine.gpus else "cpu"


def advisor_words(*, is_shared: bool) -> tuple[str, ...]:
    """How advisor is called there: this very installation where the files are shared."""
    return (sys.executable, "-m", "advisor") if is_shared else ("advisor",)


def _installation(install: str) -> str:
    what = install or f"finetune-advisor[{EXTRAS}]=={__version__}"
    if install and Path(install).exists():
        what = f"{install}[{EXTRAS}]"
    return f"python3 -m pip install --quiet {shlex.quote(what)}"


def sent(settings: RunSettings, folder: Path) -> tuple[str, ...]:
    """The run folder and every file and folder outside it that the settings name."""
    named = [str(folder)]
    for key, value in settings.model_dump().items():
        if not isinstance(value, str) or (key == "model" and value == EMBEDDED_MODEL):
            continue
        path = Path(value)
        if path.is_absolute() and path.exists() and not path.is_relative_to(folder):
            named.append(str(path))
    return tuple(dict.fromkeys(named))


def _submitted(screen: Screen, launcher: Launcher, launched: Launched) -> Launched:
    if launcher.info.spends_money and not screen.yes:
        question = f"Submit with {launched.tool}? It may cost money."
        if not screen.may_ask or not click.confirm(question, err=True):
            raise ConsentError(
                "The job costs money where it runs; nobody agreed to submit it.",
                hint="Add --yes to agree.",
                where=launched.files[0],
            )
    if shutil.which(launched.tool) is None:
        raise TrainingError(
            f"'{launched.tool}' is not installed here, so the job was written and not submitted.",
            hint=f"Where it is: {' && '.join(shlex.join(words) for words in launched.submit)}",
            where=launched.files[0],
        )
    said = [_run(words, launched) for words in launched.submit]
    return launched.model_copy(update={"is_submitted": True, "said": "\n".join(said).strip()})


def _run(words: tuple[str, ...], launched: Launched) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the tool that the user named
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise TrainingError(
            f"{launched.tool} refused the job: {lines[-1].strip() if lines else done.returncode}",
            hint=f"The command was: {shlex.join(words)}",
            where=launched.files[0],
        )
    return done.stdout.strip()


def _show(launched: Launched) -> None:
    for file in launched.files:
        click.echo(f"Written: {file}")
    if launched.is_submitted:
        click.echo(f"Submitted with {launched.tool}. {launched.said}".rstrip())
    else:
        click.echo("Start it with:")
        for words in launched.submit:
            click.echo(f"  {shlex.join(words)}")
    if launched.fetch:
        click.echo("When it is done, bring the run folder back with:")
        for words in launched.fetch:
            click.echo(f"  {shlex.join(words)}")
    for note in launched.notes:
        click.echo(note)
