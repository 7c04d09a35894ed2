"""What a text says once signs that nobody sees are out and its letters are plain ones."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, and the marks of annotations between lines."""
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
_IN_WRITING = "\u061c\u200c-\u200f\ufe00-\ufe0f"
"""Joiners, directions and forms of a sign, of which ordinary writing and emoji are full."""
_STRANGE = re.compile(f"[{_UNSEEN}](?<![{_IN_WRITING}])")
_SMUGGLED = re.compile("[\U000e0020-\U000e007e]{8,}")
"""A text in Unicode's invisible tags, which models read; a flag of emoji has six at most."""
_TAGS = 0xE0000


def legible(text: str) -> str:
    """The text as its reader takes it, line by line: NFKC, nothing invisible, smuggled tags read.

    Positions in it are not those of the text, lines are.
    """
    if text.isascii():
        return text
    shown = _INVISIBLE.sub("", _SMUGGLED.sub(_told, text))
    return unicodedata.normalize("NFKC", shown)


def invisible(text: str) -> int:
    """How many signs the text holds that nobody sees and ordinary writing has no need of."""
    return 0 if text.isascii() else sum(1 for _ in _STRANGE.finditer(text))


def first_invisible(text: str) -> tuple[str, int]:
    """The first of them by its number, such as U+200B, and where it stands."""
    found = _STRANGE.search(text)
    return (f"U+{ord(found.group()):04X}", found.start()) if found else ("", 0)


def _told(tags: re.Match[str]) -> str:
    return f" {''.join(chr(ord(tag) - _TAGS) for tag in tags.group())} "
