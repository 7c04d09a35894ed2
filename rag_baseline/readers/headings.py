"""The first heading of a text in Markdown, as its title."""

from __future__ import annotations

import re

from rag_baseline.readers.source import as_title

LOOKED_AT = 200_000
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_HASHED = re.compile(r"\s{0,3}#{1,6}[ \t]+(?P<title>\S.*)")
_LINE = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*$")


def first_heading(text: str) -> str:
    """The first heading, marked with # or underlined, outside fenced code; empty for none."""
    is_code = False
    before = ""
    for line in text[:LOOKED_AT].split("\n"):
        if _FENCE.match(line):
            is_code = not is_code
        if is_code:
            before = ""
            continue
        hashed = _HASHED.match(line[:1000])
        title = as_title(hashed["title"]).rstrip("#").rstrip() if hashed else ""
        if title:
            return title
        if before and _LINE.match(line[:1000]):
            return as_title(before)
        before = (
            line.strip() if len(line) < 200 and not line.lstrip().startswith(("|", "-")) else ""
        )
    return ""
