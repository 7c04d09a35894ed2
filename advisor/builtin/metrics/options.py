"""Options of a metric: text from the command line to values, or a sentence on what is wrong."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

from advisor.errors import InputError

Reader = Callable[[str], object]


def read_options(
    metric: str, options: Mapping[str, str], known: Mapping[str, Reader]
) -> dict[str, Any]:
    """The options as values, by name.

    Raises InputError for a name the metric does not know or a value its reader refuses.
    """
    return {name: _read(metric, name, text, known) for name, text in options.items()}


def _read(metric: str, name: str, text: str, known: Mapping[str, Reader]) -> object:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        taken = f"It takes: {', '.join(sorted(known))}." if known else "It takes no option."
        raise InputError(
            f"The metric {metric} has no option '{name}'.{guess}",
            hint=taken,
            where=f"metric {metric}",
        )
    try:
        return known[name](text)
    except ValueError as error:
        raise InputError(
            f"The option {name}={text!r} of the metric {metric} cannot be used: {error}.",
            hint="See docs/how-to/choose-a-metric.md for what each option takes.",
            where=f"metric {metric}",
        ) from error


def one_of(*allowed: str) -> Reader:
    """A reader of one of these words."""

    def read(text: str) -> str:
        if text not in allowed:
            close = difflib.get_close_matches(text, allowed, n=1)
            guess = f"; did you mean '{close[0]}'" if close else ""
            msg = f"it must be one of {', '.join(allowed)}{guess}"
            raise ValueError(msg)
        return text

    return read


def yes_no(text: str) -> bool:
    """Reader of yes and no."""
    return one_of("yes", "no")(text) == "yes"


def number_from(low: float, high: float = math.inf) -> Reader:
    """A reader of ordinary numbers in a range."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (low <= number <= high and math.isfinite(number)):
            upper = f" to {high:g}" if math.isfinite(high) else " or more"
            msg = f"it must be a number, {low:g}{upper}"
            raise ValueError(msg)
        return number

    return read


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


def some_text(text: str) -> str:
    """Reader of any text that is not blank."""
    if not text.strip():
        msg = "it is empty"
        raise ValueError(msg)
    return text
