"""The ways in which answers are made comparable before they are compared."""

from __future__ import annotations

import re
import string
import unicodedata

ARTICLE = re.compile(r"\b(?:a|an|the)\b")
QUOTES = " \t\n\"'`*“”‘’«»„."  # noqa: RUF001 - the marks people write
JOINED = re.compile(r"(?<=[^\W_])[_-]+(?=[^\W_])")
GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
SIGNED = re.compile(r"(?<=\w)[+#]+(?!\w)")
"""Signs that belong to the word they end: C++, C#, A+."""


def normalised(text: str) -> str:
    """Text in lower case, white space collapsed, one trailing full stop removed."""
    return " ".join(text.split()).casefold().removesuffix(".").rstrip()


def squad_normalised(text: str, *, articles: bool = True) -> str:
    """As SQuAD's script does (lower case, no punctuation, no English articles), for all scripts.

    Numbers are kept whole, which SQuAD's script does not do: 1.5 stays apart from 15, -5 from 5,
    and 1,000 is 1000. So are signs that end a word: C++, C#. Punctuation is every character of
    Unicode's categories P, and ASCII's signs.
    """
    text = GROUPED.sub("", unicodedata.normalize("NFKC", text).casefold())
    signs = {at for match in SIGNED.finditer(text) for at in range(*match.span())}
    kept = "".join(
        char
        for at, char in enumerate(text)
        if not _is_mark(char) or at in signs or _in_number(text, at)
    )
    if articles:
        kept = ARTICLE.sub(" ", kept)
    return " ".join(kept.split())


def label_normalised(text: str) -> str:
    """A label's bare form: `normalised`, quotes and stars around it gone, card_arrival as words."""
    bare = normalised(unicodedata.normalize("NFKC", text)).strip(QUOTES)
    return " ".join(JOINED.sub(" ", bare).split())


def _is_mark(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _in_number(text: str, at: int) -> bool:
    """A decimal point between digits, or a minus sign before one that follows no word."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] == ".":
        return before.isdigit() and after.isdigit()
    return text[at] == "-" and after.isdigit() and not before.isalnum()
