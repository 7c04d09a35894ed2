"""Hands a written job to its tool, waits where the tool does, and brings the run folder back."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from advisor.errors import AdvisorError, ConsentError, TrainingError

if TYPE_CHECKING:
    from advisor.cli.screen import Screen
    from advisor.contracts import Launcher
    from advisor.schema.launch import Launched


def submitted(screen: Screen, launcher: Launcher, launched: Launched) -> Launched:
    """The job, handed to its tool; where that waits for the end, with the run folder back.

    Raises ConsentError without consent, and TrainingError when the tool is missing, a job of this
    run is still queued or running, or the tool refuses.
    """
    _consent(screen, launcher, launched)
    if shutil.which(launched.tool) is None:
        raise TrainingError(
            f"'{launched.tool}' is not installed here, so the job was written and not submitted.",
            hint=f"Where it is: {_joined(launched.submit)}",
            where=launched.files[0],
        )
    _refuse_second(launched)
    if launched.waits:
        return _through(launched)
    said = [_run(words, launched) for words in launched.submit]
    return launched.model_copy(update={"is_submitted": True, "said": "\n".join(said).strip()})


def _consent(screen: Screen, launcher: Launcher, launched: Launched) -> None:
    if not launcher.info.spends_money or screen.yes:
        return
    question = f"Submit with {launched.tool}? It may cost money."
    if not screen.may_ask or not click.confirm(question, err=True):
        raise ConsentError(
            "The job costs money where it runs; nobody agreed to submit it.",
            hint="Add --yes to agree.",
            where=launched.files[0],
        )


def _refuse_second(launched: Launched) -> None:
    """One job of a run at a time: a second one would cost as much, and find the folder taken."""
    if not launched.look or shutil.which(launched.look[0]) is None:
        return
    done = subprocess.run(launched.look, capture_output=True, text=True, check=False)  # noqa: S603 - the tool that the user named
    told = done.stdout.strip()
    code = launched.going_code
    is_going = done.returncode == code if code is not None else bool(not done.returncode and told)
    if is_going:
        state = f": {told.splitlines()[-1]}" if told else ""
        after = f" When it has ended: {_joined(launched.fetch)}" if launched.fetch else ""
        raise TrainingError(
            f"A job of this run is queued or running already{state}.",
            hint=f"Look at it with: {shlex.join(launched.look)}.{after}",
            where=launched.files[0],
        )


def _through(launched: Launched) -> Launched:
    """The job to its end; what it made is brought back even where it failed."""
    failure: AdvisorError | None = None
    try:
        for words in launched.submit:
            _run(words, launched, shown=True)
    except TrainingError as error:
        failure = error
    except KeyboardInterrupt:
        click.echo("\nThe job goes on and costs money. When it has ended:", err=True)
        for words in launched.fetch:
            click.echo(f"  {shlex.join(words)}", err=True)
        raise
    try:
        for words in launched.fetch:
            _run(words, launched)
    except TrainingError as error:
        cause = failure or error  # the first thing that went wrong
        raise TrainingError(
            f"{cause.message} The run folder is not back, and a machine may still cost money.",
            hint=f"Bring it back with: {_joined(launched.fetch)}",
            where=launched.files[0],
        ) from error
    if failure is not None:
        raise failure
    return launched.model_copy(update={"is_submitted": True, "is_fetched": True})


def _run(words: Sequence[str], launched: Launched, *, shown: bool = False) -> str:
    """What a command says; with `shown` it is passed on while it comes."""
    try:
        said, code, last = _spoken(words) if shown else _quiet(words)
    except OSError as error:
        raise TrainingError(
            f"'{words[0]}' cannot be started: {error.strerror or error}.",
            hint=f"The command was: {shlex.join(words)}",
            where=launched.files[0],
        ) from error
    if code:
        raise TrainingError(
            f"{words[0]} {'ended with an error' if shown else 'refused the job'}: {last or code}",
            hint=f"The command was: {shlex.join(words)}",
            where=launched.files[0],
        )
    return said.strip()


def _quiet(words: Sequence[str]) -> tuple[str, int, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the tool that the user named
    return done.stdout, done.returncode, _last(done.stderr)


def _spoken(words: Sequence[str]) -> tuple[str, int, str]:
    """Passed on to stderr, since stdout is for the result."""
    last = ""
    with subprocess.Popen(  # noqa: S603 - the tool that the user named
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            click.echo(line, nl=False, err=True)
            last = line.strip() or last
    return "", process.returncode, last


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _joined(commands: Sequence[Sequence[str]]) -> str:
    return " && ".join(shlex.join(words) for words in commands)
