"""The one way in which answers are made comparable before they are compared."""

from __future__ import annotations


def normalised(text: str) -> str:
    """Text in lower case, white space collapsed, one trailing full stop removed."""
    return " ".join(text.split()).casefold().removesuffix(".").rstrip()
