"""Runs a snippet of Python as it stands, in the folder that it is for."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from advisor.schema.export import Snippet
from trainers.engines.trl.failures import first_line
from trainers.engines.trl.quiet import quiet


def ran(snippet: Snippet, folder: Path) -> Snippet:
    """The snippet with whether it ran to its end here, and why not."""
    printed = io.StringIO()
    try:
        with quiet(), contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(snippet.text, "<snippet>", "exec"), {"__name__": "__main__"})  # noqa: S102
    except Exception as error:  # noqa: BLE001 - what goes wrong in it is what is to be told
        return snippet.model_copy(
            update={"was_run": False, "note": f"It failed here: {first_line(error)}"}
        )
    return snippet.model_copy(update={"was_run": True})
