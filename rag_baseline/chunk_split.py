"""Cuts one section into spans by the library semantic-text-splitter, in time that stays linear."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from advisor.errors import MissingExtraError

Span = tuple[int, int]

LETTERS = 4
"""Characters of a token where nobody can count; about right for English, too few for no language
that separates words."""
MOST_LETTERS = 12
"""Characters of a passage per token at most: some tokenizers take a word of any length for one
unknown token."""
BLOCK, LARGEST_BLOCK = 8_000, 64_000
"""Characters that are handed to the library at once: from the first number on a block ends where
its last line says so, so that a change elsewhere leaves most blocks as they were."""
ENDS_ONE_IN = 8
"""Paragraphs of which one ends a block."""

STEP = 8
"""Rooms are rounded down to so many tokens, so that few splitters are made."""
SPARE = 2
"""Tokens that the join of headings and text may take."""
PIECES_AHEAD = 4
"""Passages' lengths that are looked at to find the end of the first."""

_BLANK = re.compile(r"\n[ \t\r]*\n")
_LINE = re.compile(r"\n")
_SPACE = re.compile(r"\s")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")


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
        self._made: dict[tuple[bool, int], Any] = {}
        self._tokens = tokens
        self._overlap = max(min(overlap, tokens // 2), 0)
        self._tokenizer = tokenizer
        self._most_letters = tokens * (LETTERS if tokenizer is None else MOST_LETTERS)
        self._by_letters = TextSplitter(self._most_letters)

    def _splitter(self, tokens: int, *, is_markdown: bool) -> Any:
        """The library's splitter; made once for each size, since it copies the tokenizer."""
        made = self._made.get((is_markdown, tokens))
        if made is None:
            kind, overlap = self._kinds[is_markdown], min(self._overlap, tokens // 2)
            if self._tokenizer is None:
                made = kind(tokens * LETTERS, overlap * LETTERS)
            else:
                made = kind.from_huggingface_tokenizer(self._tokenizer, tokens, overlap)
            self._made[is_markdown, tokens] = made
        return made

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is small enough to stay whole."""
        found = [len(text) <= self._most_letters for text in texts]
        asked = [at for at, is_short in enumerate(found) if is_short]
        for at, count in zip(asked, self._counts([texts[at] for at in asked]), strict=True):
            found[at] = count <= self._tokens
        return found

    def _counts(self, texts: Sequence[str]) -> list[int]:
        if self._tokenizer is None:
            return [-(-len(text) // LETTERS) for text in texts]
        plain = [_encodable(text) for text in texts]
        return [
            len(encoding.ids)
            for encoding in self._tokenizer.encode_batch(plain, add_special_tokens=False)
        ]

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
        for start, stop in _blocks(text, (begin, end), is_markdown=is_markdown):
            for found in self._cut(text, (start, stop), self._tokens, is_markdown=is_markdown):
                if found[1] - found[0] > self._most_letters:
                    yield from self._by_length(text, found)
                else:
                    yield found

    def _opening(self, text: str, span: Span, body: int) -> tuple[Span, int] | None:
        """Headings with what fits of the text below them, and where the next passage begins."""
        [taken] = self._counts([text[span[0] : body]])
        room = (self._tokens - taken - SPARE) // STEP * STEP
        if 2 * room < self._tokens:
            return None
        reach = min(span[1], body + PIECES_AHEAD * room * LETTERS)
        below = list(islice(self._cut(text, (body, reach), room, is_markdown=True), 2))
        if not below or below[0][1] - span[0] > self._most_letters:
            return None
        following = below[1][0] if len(below) > 1 else below[0][1]
        return (span[0], below[0][1]), following

    def _cut(self, text: str, span: Span, tokens: int, *, is_markdown: bool) -> Iterator[Span]:
        begin, end = span
        splitter = self._splitter(tokens, is_markdown=is_markdown)
        for at, piece in splitter.chunk_indices(_encodable(text[begin:end])):
            found = trimmed(text, (begin + at, begin + at + len(piece)))
            if found[0] < found[1]:
                yield found

    def _by_length(self, text: str, span: Span) -> Iterator[Span]:
        begin, end = span
        for at, piece in self._by_letters.chunk_indices(_encodable(text[begin:end])):
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
    while end - begin > LARGEST_BLOCK:
        cut = _cut(text, begin, min(end, begin + LARGEST_BLOCK), is_markdown=is_markdown)
        yield begin, cut
        begin = cut
    yield begin, end


def _cut(text: str, begin: int, limit: int, *, is_markdown: bool) -> int:
    """Where a block that begins here ends: content decides, so that it is found again."""
    for seam in (_BLANK, _LINE, _SPACE):
        last = begin
        fences, counted = 0, begin
        for found in seam.finditer(text, begin, limit):
            if is_markdown and seam is _BLANK:
                fences += len(_FENCE.findall(text, counted, found.end()))
                counted = found.end()
                if fences % 2:
                    continue
            line = text[max(text.rfind("\n", begin, found.start()) + 1, begin) : found.start()]
            last = found.end()
            if last - begin >= BLOCK and zlib.crc32(_bytes(line)) % ENDS_ONE_IN == 0:
                return last
        if last > begin:
            return last
    return limit


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _encodable(text: str) -> str:
    """The same with half characters, which no library takes, replaced one for one."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
