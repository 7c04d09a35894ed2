"""Text folded to the terminal that the questions stand on."""

from __future__ import annotations

import os
import re
import sys
import textwrap

NO_BREAK = "\u00a0"
JOINED = re.compile(r"(?<=\d) (?=\d{3}\b|%)")
"""The space inside a number, or between it and its per cent sign."""
WIDEST = 80
NARROWEST = 20


def columns() -> int:
    """Columns of the terminal on stderr, else of COLUMNS, else 80; between 20 and 80."""
    try:
        found = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError, AttributeError):
        said = os.environ.get("COLUMNS", "")
        found = int(said) if said.isdecimal() else WIDEST
    return min(max(found or WIDEST, NARROWEST), WIDEST)


def filled(text: str, *, first: str = "", other: str | None = None, room: int = 1) -> str:
    """The text folded between words, `first` before its first line and `other` before the rest.

    Line breaks in the text stay; `room` columns at the right are left free.
    """
    indent = first if other is None else other
    bound = JOINED.sub(NO_BREAK, text)
    lines = [
        textwrap.fill(
            line,
            width=columns() - room,
            initial_indent=first if place == 0 else indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        for place, line in enumerate(bound.splitlines() or [""])
    ]
    return "\n".join(lines).replace(NO_BREAK, " ")
