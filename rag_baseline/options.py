"""Options of a plugin: text from the command line to values, or a sentence on what is wrong."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

from advisor.errors import InputError

Reader = Callable[[str], object]
"""From the text of an option to its value; raises ValueError with what it must be."""


def read_options(
    plugin: str, options: Mapping[str, str], known: Mapping[str, Reader]
) -> dict[str, Any]:
    """The options as values, by name.

    Raises InputError for a name the plugin does not know or a value its reader refuses.
    """
    return {name: _read(plugin, name, text, known) for name, text in options.items()}


def _read(plugin: str, name: str, text: str, known: Mapping[str, Reader]) -> object:
    taken = f"It takes: {', '.join(sorted(known))}." if known else "It takes no option."
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        raise InputError(f"{plugin} has no option '{name}'.{guess}", hint=taken, where=plugin)
    try:
        return known[name](text)
    except ValueError as error:
        raise InputError(
            f"The option {name}={text!r} of {plugin} cannot be used: {error}.",
            hint=taken,
            where=plugin,
        ) from error


def one_of(*allowed: str) -> Reader:
    """A reader of one of these words."""

    def read(text: str) -> str:
        if text not in allowed:
            msg = f"it must be one of {', '.join(allowed)}"
            raise ValueError(msg)
        return text

    return read


def yes_no(text: str) -> bool:
    """Reader of yes and no."""
    return one_of("yes", "no")(text) == "yes"


def whole_from(low: int, high: int) -> Reader:
    """A reader of whole numbers in a range."""

    def read(text: str) -> int:
        is_number = text.strip().isascii() and text.strip().isdigit()
        number = int(text) if is_number else low - 1
        if not low <= number <= high:
            msg = f"it must be a whole number from {low} to {high}"
            raise ValueError(msg)
        return number

    return read


def number_from(low: float, high: float) -> Reader:
    """A reader of ordinary numbers in a range."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            msg = f"it must be a number from {low:g} to {high:g}"
            raise ValueError(msg)
        return number

    return read
