"""Tags and entities of web pages that stayed in the texts."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.patterns import patterns

_ABOUT_MARKUP = re.compile(
    r"\b(?:x?html5?|xml|css|javascript|jsx|svg|php|react|web ?pages?|tags?|markup)\b|```"
)
"""Words that say a row is about markup, where tags belong."""


class Markup:
    """Looks for markup in rows that are not about it."""

    def __init__(self) -> None:
        self._patterns = patterns("markup")
        self._places = array("L")
        self._first = ""

    def see(self, look: Look) -> None:
        """Take one row."""
        for text in look.texts():
            if "<" not in text and "&" not in text:
                continue
            found = self._patterns.first(text)
            if found is None:
                continue
            if not _ABOUT_MARKUP.search(f"{look.asked} {look.target}"):
                self._first = self._first or found[1].group()[:40]
                self._places.append(look.place)
                return

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for markup; a note where a large part of the data has it."""
        if not self._places:
            return
        share = len(self._places) / whole.rows
        belongs = share >= self._patterns.figures["share_that_belongs"]
        yield Found(
            "html_remnants",
            "note" if belongs and whole.rows >= 20 else "warning",
            self._places,
            f"{counted(len(self._places), 'row')} with HTML in it;"
            f" {whole.ledger.where(self._places[0])}: {self._first}",
            "Take the tags out and write the entities as letters, unless the data is about HTML.",
        )
