"""What stands under which heading: the parts of a document that no passage crosses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from advisor.schema.evaluation import Document

MARKDOWN_NAMES = (".md", ".markdown", ".mdx")
MARKDOWN_KINDS = ("markdown", "html", "docx")
"""Kinds of document that readers turn into Markdown."""
LONGEST_HEADING = 200
"""Characters of a heading that are carried along; what is longer is a paragraph by mistake."""

_MARK = re.compile(
    r"^(?:[ ]{0,3}(?P<hashes>\#{1,6})[ \t]+(?P<title>\S.*)"
    r"|[ \t]*(?P<fence>`{3,}|~{3,})(?P<rest>.*)"
    r"|[ ]{0,3}(?P<line>={3,}|-{3,})[ \t]*\r?)$",
    re.MULTILINE,
)
_NO_TITLE = re.compile(r"[ ]{4}|\t|[ ]{0,3}(?:[-*+>|#]|\d+[.)]|`{3}|~{3})")
_FACT = re.compile(r"(?P<key>[^\s:#`~|>-][^\n]*?): \S[^\n]*(?:\n|$)")
_OURS = ("kind", "folder")
"""Metadata that every document has, whatever it says."""
_CLOSING = re.compile(r"[ \t]+#+$")


class Section(NamedTuple):
    """A part of a document from one heading to the next."""

    start: int
    end: int
    above: tuple[str, ...] = ()
    """Headings that it stands under and does not hold, outermost first."""
    own: tuple[str, ...] = ()
    """Headings at its beginning that what follows stands under."""
    body: int = 0
    """Where the text under them begins."""


class _Heading(NamedTuple):
    start: int
    end: int
    level: int
    title: str


def is_markdown(document: Document) -> bool:
    """Whether the text has Markdown's headings, fences and tables."""
    kind = document.metadata.get("kind", "")
    return kind in MARKDOWN_KINDS or document.name.lower().endswith(MARKDOWN_NAMES)


def sections(document: Document) -> Iterator[Section]:
    """Parts that begin at a Markdown heading; a heading without a body goes with what follows.

    What the front matter said is a part of its own. They are adjacent and hold the whole text.
    """
    text = document.text
    path: list[_Heading] = []
    start = 0
    if is_markdown(document):
        start = body = _facts_end(document)
        if start:
            yield Section(0, start)
        for heading in _headings(text):
            if heading.start < start:
                continue
            if text[body : heading.start].strip():
                yield _section(path, start, heading.start)
                start = heading.start
            while path and path[-1].level >= heading.level:
                path.pop()
            path.append(heading)
            body = heading.end
    if start < len(text):
        yield _section(path, start, len(text))


def _facts_end(document: Document) -> int:
    """Where the lines end that the front matter became, its blank line included; 0 without any.

    They are `key: value`, and metadata has at least one of their keys.
    """
    text, at, keys = document.text, 0, set()
    while line := _FACT.match(text, at):
        keys.add(line["key"])
        at = line.end()
    is_blank = at == len(text) or text[at] == "\n"
    own = {f"own_{key}" for key in keys} | keys.difference(_OURS)
    return min(at + 1, len(text)) if is_blank and own & document.metadata.keys() else 0


def _section(path: Sequence[_Heading], start: int, end: int) -> Section:
    above = tuple(heading.title for heading in path if heading.start < start)
    own = [heading for heading in path if heading.start >= start]
    body = own[-1].end if own else start
    return Section(start, end, above, tuple(heading.title for heading in own), body)


def _headings(text: str) -> Iterator[_Heading]:
    """Headings of both kinds, leaving out what stands in fenced code."""
    fence = ""
    for mark in _MARK.finditer(text):
        if mark["fence"]:
            fence = _after_fence(fence, mark["fence"], mark["rest"])
        elif fence:
            continue
        elif mark["hashes"]:
            title = _CLOSING.sub("", mark["title"].rstrip())
            yield _Heading(mark.start(), mark.end(), len(mark["hashes"]), _shown(title))
        else:
            found = _underlined(text, mark)
            if found is not None:
                yield found


def _after_fence(opened: str, met: str, rest: str) -> str:
    """The fence that is open after a line of such marks; empty for none."""
    if not opened:
        return "" if met[0] == "`" and "`" in rest else met
    closes = met[0] == opened[0] and len(met) >= len(opened) and not rest.strip()
    return "" if closes else opened


def _underlined(text: str, mark: re.Match[str]) -> _Heading | None:
    """The heading over a line of = or -, where it is a line of its own."""
    begin = text.rfind("\n", 0, max(mark.start() - 1, 0)) + 1
    title = text[begin : mark.start()].strip()
    before = text[text.rfind("\n", 0, max(begin - 1, 0)) + 1 : begin]
    if not title or before.strip() or _NO_TITLE.match(text, begin) or mark.start() == 0:
        return None
    return _Heading(begin, mark.end(), 1 if mark["line"][0] == "=" else 2, _shown(title))


def _shown(title: str) -> str:
    return " ".join(title.split())[:LONGEST_HEADING]
