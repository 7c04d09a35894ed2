"""What a misspelt name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from advisor.formats.values import shown


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A guess as a sentence with a space in front, or nothing when `name` is known or far off."""
    close = closest(name, known)
    return f" For {shown(name)}, did you mean '{close}'?" if close else ""


def guess(name: str, known: Iterable[str]) -> str:
    """The same guess in brackets, for the middle of a sentence."""
    close = closest(name, known)
    return f" (for {shown(name)}, did you mean '{close}'?)" if close else ""


def closest(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names; empty when none is near, or the name is one of them."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.75)
    return close[0] if close and name not in choices else ""
