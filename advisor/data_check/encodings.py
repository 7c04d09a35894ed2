"""Letters that were decoded wrongly, and signs nobody sees."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.data_check.mend_text import REPLACED, decoded, visible

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ODD = re.compile(
    r"[\x80-\x9f\u200b\u2060\u180e\ufeff\ufffd\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_LEAD = re.compile("[ÂÃÄÅâïðÐÑÎÏ]")


class Encodings:
    """Looks for what a wrong decoding or a careless copy leaves behind."""

    def __init__(self) -> None:
        self._places = array("L")
        self._kinds: Counter[str] = Counter()

    def see(self, look: Look) -> None:
        """Take one row."""
        for text in look.texts():
            if kind := oddity(text):
                self._kinds[kind] += 1
                self._places.append(look.place)
                return

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for odd letters."""
        if not self._places:
            return
        kinds = ", ".join(f"{name} ({count})" for name, count in self._kinds.most_common())
        yield Found(
            "odd_encoding",
            "warning",
            self._places,
            f"{counted(len(self._places), 'row')} with letters gone wrong: {kinds}; the first"
            f" is {whole.ledger.where(self._places[0])}.",
            "Export the data again as UTF-8; `advisor data fix` mends what can be mended.",
        )


def oddity(text: str) -> str:
    """What is wrong with the letters of a text; empty where nothing is."""
    if text.isascii():
        return "control characters" if _CONTROL.search(text) else ""
    if _LEAD.search(text) and decoded(text) != text:
        return "wrongly decoded letters"
    if REPLACED in text:
        return "letters lost in decoding (U+FFFD)"
    if _TURNED.search(text):
        return "signs that turn the reading direction"
    if _ODD.search(text) and (visible(text) != text or decoded(text) != text):
        return "invisible signs"
    return "control characters" if _CONTROL.search(text) else ""
