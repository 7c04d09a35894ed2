"""Documents to passages along headings, blocks, sentences and words, as offsets into the source."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, overload

from advisor.schema.evaluation import Document, Passage
from rag_baseline.chunking.chunk_split import Cutter, Span, trimmed
from rag_baseline.chunking.sections import Section, is_markdown, sections

TOKENS = 150
OVERLAP = 20
JOIN = " > "
"""Between the headings of a path."""
GROUP_LETTERS, GROUP_SECTIONS = 1_000_000, 4096
"""Sections that are counted in tokens together."""


def chunk(
    document: Document,
    *,
    tokens: int = TOKENS,
    overlap: int = OVERLAP,
    tokenizer: Any | None = None,
) -> list[Passage]:
    """Passages of at most `tokens` that together hold every character but white space.

    `document.text[start:end] == text` for each. A section under a Markdown heading that fits stays
    whole, and no passage crosses a heading; neighbours inside one section share up to `overlap`
    tokens, and fenced code and tables are torn only where they do not fit. Tokens are those of a
    `tokenizers.Tokenizer`; without one a token is four characters. Raises MissingExtraError.
    """
    return list(Passages([document], tokens=tokens, overlap=overlap, tokenizer=tokenizer))


RECENT = 4096
"""Passages kept once made: a search looks at a hundred of them, time and again the same."""


class Passages(Sequence[Passage]):
    """The passages of many documents, each made when it is asked for: about 20 bytes a passage.

    Ids are the document's name and a digest of the passage's text, numbered where a document says
    the same twice: they stay while the text stays. Raises MissingExtraError.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        *,
        tokens: int = TOKENS,
        overlap: int = OVERLAP,
        tokenizer: Any | None = None,
    ) -> None:
        self._documents = documents
        self._document = array("I")
        self._start = array("I")
        self._end = array("I")
        self._heading = array("I")
        self._repeat = array("I")
        self._headings: list[str] = []
        self._numbers: dict[str, int] = {}
        cutter = Cutter(tokens, overlap, tokenizer)
        for group in _groups(documents):
            self._cut(group, cutter)
        self._numbers.clear()
        self._number_repeats()
        self._passage = lru_cache(maxsize=RECENT)(self._made)

    def __len__(self) -> int:
        return len(self._document)

    @overload
    def __getitem__(self, at: int) -> Passage: ...
    @overload
    def __getitem__(self, at: slice) -> list[Passage]: ...
    def __getitem__(self, at: int | slice) -> Passage | list[Passage]:
        if isinstance(at, slice):
            return [self._passage(one) for one in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._passage(at % len(self))

    def text(self, at: int) -> str:
        """The text alone of one passage."""
        return self._documents[self._document[at]].text[self._start[at] : self._end[at]]

    def _made(self, at: int) -> Passage:
        document, text = self._documents[self._document[at]], self.text(at)
        again = self._repeat[at]
        return Passage(
            id=f"{document.name}#{_digest(text)}{f'-{again}' if again else ''}",
            document=document.name,
            text=text,
            start=self._start[at],
            end=self._end[at],
            heading=self._headings[self._heading[at]],
            metadata=document.metadata,
        )

    def _cut(self, group: Sequence[_Piece], cutter: Cutter) -> None:
        """Append the passages of a group of sections."""
        texts = [p.document.text[p.span[0] : p.span[1]] for p in group]
        for piece, fits in zip(group, cutter.fits(texts), strict=True):
            if fits:
                self._append(piece, piece.span, is_first=True)
                continue
            text = piece.document.text
            body = piece.section.body
            for span in cutter.spans(text, piece.span, body, is_markdown=piece.is_markdown):
                self._append(piece, span, is_first=span[0] == piece.span[0])

    def _append(self, piece: _Piece, span: Span, *, is_first: bool) -> None:
        self._document.append(piece.number)
        self._start.append(span[0])
        self._end.append(span[1])
        heading = _path(piece, is_first=is_first)
        self._heading.append(self._numbers.setdefault(heading, len(self._headings)))
        if self._heading[-1] == len(self._headings):
            self._headings.append(heading)

    def _number_repeats(self) -> None:
        """2, 3, ... for passages whose digest stands in their document before them."""
        seen: Counter[str] = Counter()
        for at, number in enumerate(self._document):
            if at and number != self._document[at - 1]:
                seen.clear()
            digest = _digest(self.text(at))
            seen[digest] += 1
            self._repeat.append(seen[digest] if seen[digest] > 1 else 0)


class _Piece(NamedTuple):
    """A section of a document that holds more than white space."""

    number: int
    document: Document
    section: Section
    span: Span
    is_markdown: bool


def _groups(documents: Sequence[Document]) -> Iterator[list[_Piece]]:
    """All sections in order, some at a time."""
    group: list[_Piece] = []
    letters = 0
    for number, document in enumerate(documents):
        is_marked = is_markdown(document)
        for section in sections(document):
            span = trimmed(document.text, (section.start, section.end))
            if span[0] == span[1]:
                continue
            group.append(_Piece(number, document, section, span, is_marked))
            letters += span[1] - span[0]
            if letters >= GROUP_LETTERS or len(group) >= GROUP_SECTIONS:
                yield group
                group, letters = [], 0
    yield group


def _path(piece: _Piece, *, is_first: bool) -> str:
    """Title and headings that a passage stands under and does not show itself."""
    section = piece.section
    title = " ".join(piece.document.metadata.get("title", "").split())
    headings = section.above if is_first else section.above + section.own
    shown = (*section.above, *section.own)
    is_told = any(title.casefold() == one.casefold() for one in shown)
    return JOIN.join(headings if is_told or not title else (title, *headings))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
