"""The marks [1], [2, 3] by which an answer names passages: read, and taken off."""

from __future__ import annotations

import re

MARK = re.compile(r"\[\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*\]")  # noqa: RUF001 - ranges
"""One mark: a number, several, or a range of them in square brackets."""
_MOST = 100
_SPACE_BEFORE = re.compile(r"[ \t]+(?=[.,;:!?](?:\s|$))")


def cited(text: str) -> tuple[int, ...]:
    """Numbers of the passages that a text names, in the order of their first mention."""
    found: dict[int, None] = {}
    for match in MARK.finditer(text):
        for part in re.split(r"[,;]", match.group(1)):
            ends = [int(number) for number in re.findall(r"\d+", part)]
            last = ends[-1] if ends[0] <= ends[-1] < ends[0] + _MOST else ends[0]
            found.update(dict.fromkeys([*range(ends[0], last + 1), *ends]))
    return tuple(found)


def without_citations(text: str) -> str:
    """The text without its marks, and without the space that stood before them."""
    if "[" not in text:
        return text
    bare = re.sub(r"[ \t]*" + MARK.pattern, "", text)
    return _SPACE_BEFORE.sub("", bare).strip()
