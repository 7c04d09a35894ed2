"""Cuts documents into passages along headings, paragraphs, sentences and words, in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from advisor.schema.evaluation import Document, Passage

SIZE = 600
OVERLAP = 80
MARKDOWN = (".md", ".markdown", ".mdx")

Span = tuple[int, int]

_HEADING = re.compile(r"#{1,6}[ \t]+\S")
_FENCE = re.compile(r"\s*(```|~~~)")
_SEAMS = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"(?<=[.!?])\s+|\n"),
    re.compile(r"\s+"),
)


def chunk(document: Document, *, size: int = SIZE, overlap: int = OVERLAP) -> list[Passage]:
    """Passages of at most `size` characters that together hold every character but white space.

    `document.text[start:end] == text` for each. Neighbours inside one section share up to
    `overlap` characters; a section that fits stays whole, and no passage crosses a heading.
    The default of 600 characters is about 150 tokens of English; the embedding model reads 256,
    and `builder.readable` asks for less where a text takes more.
    """
    spans = [
        span
        for section in sections(document)
        for span in _cut(document.text, section, size=size, overlap=min(overlap, size // 2))
    ]
    return [
        Passage(
            id=f"{document.name}#{number}",
            document=document.name,
            text=document.text[start:end],
            start=start,
            end=end,
        )
        for number, (start, end) in enumerate(spans, start=1)
    ]


def sections(document: Document) -> list[Span]:
    """Spans that begin at a Markdown heading; a heading without a body goes with what follows."""
    text = document.text
    starts = [0]
    if document.name.lower().endswith(MARKDOWN):
        starts += list(_headings(text))
    found: list[Span] = []
    held: int | None = None
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        begin = start if held is None else held
        is_bare = _is_bare_heading(text[start:end])
        held = begin if is_bare and end < len(text) else None
        if held is None:
            found.append((begin, end))
    return found


def _headings(text: str) -> Iterator[int]:
    """Where lines with a heading begin, leaving out those inside fenced code."""
    position, is_code = 0, False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and position and _HEADING.match(line):
            yield position
        position += len(line)


def _is_bare_heading(section: str) -> bool:
    body = section.strip()
    return not body or (_HEADING.match(body) is not None and "\n" not in body)


def _cut(text: str, section: Span, *, size: int, overlap: int) -> Iterator[Span]:
    """Pieces of one section: as many whole units as fit, then back by the overlap."""
    begin, finish = _trimmed(text, section)
    if begin == finish:
        return
    if finish - begin <= size:
        yield begin, finish
        return
    ends = [end for _, end in _units(text, (begin, finish), size)]
    start, done = begin, begin
    while done < finish:
        reach = [end for end in ends if done < end <= start + size]
        if not reach:
            start = done + _leading_space(text, done, finish)
            reach = [end for end in ends if done < end <= start + size]
        done = reach[-1]
        yield _trimmed(text, (start, done))
        start = _word_start(text, max(start + 1, done - overlap), done)


def _units(text: str, span: Span, size: int, level: int = 0) -> Iterator[Span]:
    """Adjacent spans of at most `size` characters without outer white space, cut at best seams."""
    start, end = _trimmed(text, span)
    if end - start <= size:
        if start < end:
            yield start, end
        return
    if level == len(_SEAMS):
        yield from ((at, min(at + size, end)) for at in range(start, end, size))
        return
    at = start
    for seam in _SEAMS[level].finditer(text, start, end):
        yield from _units(text, (at, seam.start()), size, level + 1)
        at = seam.end()
    yield from _units(text, (at, end), size, level + 1)


def _trimmed(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _leading_space(text: str, start: int, end: int) -> int:
    return _trimmed(text, (start, end))[0] - start


def _word_start(text: str, earliest: int, latest: int) -> int:
    """The first beginning of a word between the two positions, or the later one."""
    for at in range(earliest, latest):
        if text[at - 1].isspace() and not text[at].isspace():
            return at
    return latest
