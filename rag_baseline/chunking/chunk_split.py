"""Cuts one section into spans by the library semantic-text-splitter, in time that stays linear."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from advisor.errors import MissingExtraError
from rag_baseline.chunking.token_count import TokenCounter, encodable

Span = tuple[int, int]

LETTERS = 4
"""Characters of a token where nobody can count; about right for English, too few for no language
that separates words."""
MOST_LETTERS = 12
"""Characters of a passage per token at most: some tokenizers take a word of any length for one
unknown token."""
BLOCK, LARGEST_BLOCK = 4_000, 32_000
"""Characters that are handed to the library at once: from the first number on a block ends where
its last line says so, so that a change elsewhere leaves most blocks as they were."""
ENDS_ONE_IN = 8
"""Paragraphs of which one ends a block."""

SPARE = 2
"""Tokens by which a piece may be longer than its count inside a block, or for a join."""
PIECES_AHEAD = 4
"""Passages' lengths that are looked at to find the end of the first."""

_BLANK = re.compile(r"\n[ \t\r]*\n")
_LINE = re.compile(r"\n")
_SPACE = re.compile(r"\s")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)


class Cutter:
    """Cuts texts into spans of at most so many tokens with so many shared by neighbours.

    Without a tokenizer a token is four characters. Raises MissingExtraError.
    """

    def __init__(self, tokens: int, overlap: int, tokenizer: Any | None) -> None:
        try:
            from semantic_text_splitter import (  # noqa: PLC0415 - optional
                MarkdownSplitter,
                TextSplitter,
            )
        except ImportError as error:
            raise MissingExtraError("Cutting documents into passages", "rag") from error
        self._kinds: dict[bool, Any] = {False: TextSplitter, True: MarkdownSplitter}
        self._tokens = tokens
        self._overlap = max(min(overlap, tokens // 2), 0)
        self._counter = None if tokenizer is None else TokenCounter(tokenizer)
        self._most_letters = tokens * (LETTERS if tokenizer is None else MOST_LETTERS)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is small enough to stay whole."""
        found = [len(text) <= self._most_letters for text in texts]
        asked = [at for at, is_short in enumerate(found) if is_short]
        for at, count in zip(asked, self._counts([texts[at] for at in asked]), strict=True):
            found[at] = count <= self._tokens
        return found

    def _counts(self, texts: Sequence[str]) -> list[int]:
        if self._counter is None:
            return [-(-len(text) // LETTERS) for text in texts]
        return self._counter.counts(texts)

    def spans(self, text: str, span: Span, body: int, *, is_markdown: bool) -> Iterator[Span]:
        """Spans inside `span` that hold every character of it but white space.

        What stands before `body`, headings, is never alone where it leaves half of the room.
        """
        begin, end = span
        if begin < body < end:
            opening = self._opening(text, span, body)
            if opening is not None:
                first, begin = opening
                yield first
        for block in _blocks(text, (begin, end), is_markdown=is_markdown):
            cut = self._cut(text, block, self._tokens, is_markdown=is_markdown)
            # What was cut again may begin behind its neighbour, with which it shares tokens.
            yield from sorted(self._checked(text, list(cut)))

    def _checked(self, text: str, spans: Sequence[Span]) -> Iterator[Span]:
        """The same, with what is too large after all cut again: counting inside a block errs."""
        texts = [text[begin:end] for begin, end in spans]
        for span, fits in zip(spans, self.fits(texts), strict=True):
            if fits or span[1] - span[0] == 1:
                yield span
            else:
                yield from self._checked(text, self._smaller(text, span))

    def _smaller(self, text: str, span: Span) -> list[Span]:
        """A span in at least two pieces."""
        size = span[1] - span[0]
        if size > self._most_letters:
            return list(self._by_letters(text, span, self._most_letters))
        [count] = self._counts([text[span[0] : span[1]]])
        room = 2 * self._tokens - count - SPARE
        pieces = list(self._cut(text, span, room, is_markdown=False)) if room > 0 else []
        return pieces if len(pieces) > 1 else list(self._by_letters(text, span, size // 2))

    def _opening(self, text: str, span: Span, body: int) -> tuple[Span, int] | None:
        """Headings with what fits of the text below them, and where the next passage begins."""
        [taken] = self._counts([text[span[0] : body]])
        room = self._tokens - taken - SPARE
        if 2 * room < self._tokens:
            return None
        reach = min(span[1], body + PIECES_AHEAD * room * LETTERS)
        below = list(islice(self._cut(text, (body, reach), room, is_markdown=True), 2))
        if not below or below[0][1] - span[0] > self._most_letters:
            return None
        following = below[1][0] if len(below) > 1 else below[0][1]
        return (span[0], below[0][1]), following

    def _cut(self, text: str, span: Span, tokens: int, *, is_markdown: bool) -> Iterator[Span]:
        """Spans of about so many tokens."""
        kind, overlap = self._kinds[is_markdown], min(self._overlap, tokens // 2)
        block = encodable(text[span[0] : span[1]])
        if self._counter is None:
            splitter = kind(tokens * LETTERS, overlap * LETTERS)
        else:
            self._counter.open(block)
            splitter = kind.from_callback(self._counter.size, tokens, overlap)
        return _placed(text, span[0], splitter.chunk_indices(block))

    def _by_letters(self, text: str, span: Span, letters: int) -> Iterator[Span]:
        """Spans of so many characters."""
        block = encodable(text[span[0] : span[1]])
        return _placed(text, span[0], self._kinds[False](letters).chunk_indices(block))


def _placed(text: str, begin: int, pieces: Sequence[tuple[int, str]]) -> Iterator[Span]:
    """Where the pieces of a block stand in the text."""
    for at, piece in pieces:
        found = trimmed(text, (begin + at, begin + at + len(piece)))
        if found[0] < found[1]:
            yield found


def trimmed(text: str, span: Span) -> Span:
    """A span without the white space at both ends."""
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _blocks(text: str, span: Span, *, is_markdown: bool) -> Iterator[Span]:
    """Adjacent spans of bounded size, cut at blank lines, else at lines, words or anywhere."""
    begin, end = span
    while end - begin > 2 * BLOCK:
        cut = _block_end(text, (begin, end), is_markdown=is_markdown)
        yield begin, cut
        begin = cut
    if begin < end:
        yield begin, end


def _block_end(text: str, span: Span, *, is_markdown: bool) -> int:
    """Where a block that begins here ends: content decides, so that it is found again."""
    begin, end = span
    limit = min(end, begin + LARGEST_BLOCK)
    for seam in (_BLANK, _LINE, _SPACE):
        last = fenced = begin
        is_code = False
        for found in seam.finditer(text, begin, limit):
            if is_markdown and seam is _BLANK:
                is_code ^= len(_FENCE.findall(text, fenced, found.end())) % 2 == 1
                fenced = found.end()
            if is_code:
                continue
            last = found.end()
            line = text[max(text.rfind("\n", begin, found.start()) + 1, begin) : found.start()]
            if last - begin >= BLOCK and zlib.crc32(_bytes(line)) % ENDS_ONE_IN == 0:
                return last
        if last > begin:
            return end if limit == end else last
    return limit


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
