"""Options of a prompt builder: text from the command line to values, or what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from advisor.builtin.metrics.options import Reader
from advisor.errors import InputError


def read_options(
    builder: str, options: Mapping[str, str], known: Mapping[str, Reader]
) -> dict[str, Any]:
    """The options as values, by name.

    Raises InputError for a name the builder does not know or a value its reader refuses.
    """
    return {name: _read(builder, name, text, known) for name, text in options.items()}


def _read(builder: str, name: str, text: str, known: Mapping[str, Reader]) -> object:
    where = f"prompt builder {builder}"
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        raise InputError(
            f"The prompt builder {builder} has no option '{name}'.{guess}",
            hint=f"It takes: {', '.join(sorted(known))}.",
            where=where,
        )
    try:
        return known[name](text)
    except ValueError as error:
        raise InputError(
            f"The option {name}={text!r} of {builder} cannot be used: {error}.",
            hint="See docs/how-to/prompts.md for what each option takes.",
            where=where,
        ) from error
