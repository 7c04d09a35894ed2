"""The one door through which every failure leaves, with its documented exit code."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from advisor import __version__
from advisor.errors import AdvisorError, InputError

DONE = 0
TOLD = 1
USAGE = 2
BUG = 3
GATE_SAYS_NO = 4
VERIFICATION_FAILED = 5
INTERRUPTED = 130
KEPT = "Finished work is kept."


class Interrupted(Exception):  # noqa: N818 - not an error of the program
    """The user stopped the work; `resume` is the command that continues it."""

    def __init__(self, resume: str, kept: str = "") -> None:
        """`kept` says what was saved."""
        super().__init__(resume)
        self.resume = resume
        self.kept = kept or KEPT


def door(work: Callable[[], Any], arguments: Sequence[str] | None) -> NoReturn:
    """Do the work and leave the process with the exit code that its outcome stands for."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        code = work()
    except AdvisorError as error:
        code = _tell(error, as_json=as_json)
    except click.UsageError as error:
        code = _usage(error, as_json=as_json)
    except click.ClickException as error:
        code = _tell(AdvisorError(error.format_message()), as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        code = _interrupted(shlex.join(["advisor", *words]), as_json=as_json)
    except Interrupted as stop:
        code = _interrupted(stop.resume, stop.kept, as_json=as_json)
    except BrokenPipeError:
        code = _reader_left()
    except OSError as error:
        told = refusal_of_the_system(error)
        code = _tell(told, as_json=as_json) if told else _bug(error, words, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - this is the last door; what comes here is a bug
        code = _bug(error, words, as_json=as_json)
    sys.exit(code if isinstance(code, int) else DONE)


def _reader_left() -> int:
    """A closed pipe (`| head`) is no failure; stdout goes to the void so that exit stays silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _print_json(kind: str, message: str, hint: str, where: str) -> None:
    from advisor.schema.base import SCHEMA_VERSION  # noqa: PLC0415 - pydantic is slow to load

    document = {
        "schema_version": SCHEMA_VERSION,
        "advisor_version": __version__,
        "as_of": datetime.now(UTC).date().isoformat(),
        "error": {"type": kind, "message": message, "hint": hint, "where": where},
    }
    click.echo(json.dumps(document, ensure_ascii=False))


def _interrupted(resume: str, kept: str = KEPT, *, as_json: bool) -> int:
    click.echo(f"\nInterrupted. {kept} Continue with:", err=True)
    click.echo(f"  {resume}", err=True)
    if as_json:
        _print_json("Interrupted", f"Interrupted. {kept}", resume, "")
    return INTERRUPTED


def refusal_of_the_system(error: OSError) -> AdvisorError | None:
    """What the operating system refused, told with the path; None when no system call failed."""
    if error.errno is None:
        return None
    place = "" if error.filename is None else os.fsdecode(error.filename)
    what = f"'{place}' cannot be used" if place else "The system refused"
    hint = "Check that it exists and that you may read and write it."
    if not place:
        hint = "Check free disk space, memory and permissions."
    return InputError(f"{what}: {error.strerror or error}.", hint=hint, where=place)


def _tell(error: AdvisorError, *, as_json: bool) -> int:
    place = f" ({error.where})" if error.where and error.where not in error.message else ""
    click.echo(f"Error: {error.message}{place}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    if as_json:
        _print_json(type(error).__name__, error.message, error.hint, error.where)
    return TOLD


def _usage(error: click.UsageError, *, as_json: bool) -> int:
    command = error.ctx.command_path if error.ctx else "advisor"
    hint = f"See: {command} --help"
    click.echo(f"Error: {error.format_message()}", err=True)
    click.echo(f"  {hint}", err=True)
    if as_json:
        _print_json("UsageError", error.format_message(), hint, command)
    return USAGE


def log_folder() -> Path:
    """Where bug logs go: `ADVISOR_HOME/logs`, or the user's log folder."""
    home = os.environ.get("ADVISOR_HOME")
    if home:
        return Path(home) / "logs"
    from platformdirs import user_log_path  # noqa: PLC0415 - only a bug pays for it

    return user_log_path("advisor")


def _bug(error: Exception, words: list[str], *, as_json: bool) -> int:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    lines = [
        f"# advisor {__version__}: unexpected {type(error).__name__}",
        f"command: advisor {' '.join(words)}",
        f"python: {platform.python_version()} on {platform.platform()}",
        "```",
        "".join(traceback.format_exception(error)).rstrip(),
        "```",
    ]
    where = ""
    try:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bug-{stamp}-{os.getpid()}.md"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        where = str(path)
    except OSError:
        click.echo("\n".join(lines), err=True)
    message = f"This is a bug in advisor: {type(error).__name__}: {error}"
    hint = "Please report it with the log file, which is ready to paste."
    click.echo(f"Error: {message}", err=True)
    click.echo(f"  {hint} {where}", err=True)
    if as_json:
        _print_json("Bug", message, hint, where)
    return BUG
