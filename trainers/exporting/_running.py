"""Runs a snippet of Python as it stands, in the folder that it is for."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from advisor.schema.export import Snippet
from trainers.engines.trl.failures import first_line
from trainers.engines.trl.quiet import quiet

LONGEST = 600
"""Seconds that one answer may take."""
SILENT = "It ran here and printed nothing: the answer was empty."


def ran(snippet: Snippet, folder: Path, needs: Mapping[str, str] | None = None) -> Snippet:
    """The snippet with whether it ran to its end here and printed an answer, and why not.

    `needs` are variables of the environment that it asks for.
    """
    printed = io.StringIO()
    try:
        with _told(needs), quiet(), contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(snippet.text, "<snippet>", "exec"), {"__name__": "__main__"})  # noqa: S102
    except Exception as error:  # noqa: BLE001 - what goes wrong in it is what is to be told
        return _failed(snippet, first_line(error))
    return _went(snippet, printed.getvalue())


def ran_apart(snippet: Snippet, folder: Path) -> Snippet:
    """The same in a process of its own: a library that breaks down takes nothing with it."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own text, run by this very interpreter
            [sys.executable, "-c", snippet.text],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _failed(snippet, f"it took more than {LONGEST} seconds")
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
        return _failed(snippet, last)
    return _went(snippet, ended.stdout)


def _failed(snippet: Snippet, why: str) -> Snippet:
    told = f"{snippet.note} It failed here: {why}".strip()
    return snippet.model_copy(update={"was_run": False, "note": told})


def _went(snippet: Snippet, printed: str) -> Snippet:
    told = snippet.note if printed.strip() else f"{snippet.note} {SILENT}".strip()
    return snippet.model_copy(update={"was_run": True, "note": told})


@contextlib.contextmanager
def _told(needs: Mapping[str, str] | None) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(needs or {})
    try:
        yield
    finally:
        for name in needs or {}:
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})
