"""Test rows that stand word for word in the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.data_check.normal import normalise
from advisor.patterns import patterns
from advisor.schema.evaluation import Document

RUN = 6
"""Words by which a passage is found before it is compared."""
_WORD = re.compile(r"\w+")


class TestItems:
    """Looks for inputs of the test split, word for word in the documents."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._figures = patterns("thresholds").figures
        self._texts = [(document.name, _bare(document.text)) for document in documents]
        self._index: dict[int, list[int]] = {}
        for number, (_, text) in enumerate(self._texts):
            words = text.split()
            for run in zip(*(words[n:] for n in range(RUN)), strict=False):
                held = self._index.setdefault(hash(run), [])
                if not held or held[-1] != number:
                    held.append(number)
        self._asked: list[tuple[int, str]] = []
        self._answered: list[tuple[int, str]] = []

    def see(self, look: Look) -> None:
        """Take one row, unless it is marked as train."""
        if look.sample.split in ("train", "dev"):
            return
        for text, held in ((look.asked, self._asked), (look.target, self._answered)):
            name = self._document_with(text)
            if name:
                held.append((look.place, name))

    def _document_with(self, text: str) -> str:
        if len(text) < self._figures["verbatim_characters"]:
            return ""
        bare = _bare(text)
        words = bare.split()
        if len(words) < RUN:
            return ""
        for number in self._index.get(hash(tuple(words[:RUN])), ()):
            name, document = self._texts[number]
            if f" {bare} " in f" {document} ":
                return name
        return ""

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for test rows that the documents give away."""
        del whole
        if self._asked:
            places = [place for place, _ in self._asked]
            both = len({place for place, _ in self._answered} & set(places))
            yield Found(
                "test_items_in_documents",
                "warning",
                places,
                f"{counted(len(places), 'test item')} standing word for word in the documents"
                f" ({both} with the answer); the first in '{self._asked[0][1]}'.",
                "Take the list of questions out of the documents: retrieval would look it up.",
            )
        elif self._answered:
            yield Found(
                "answers_in_documents",
                "note",
                [place for place, _ in self._answered],
                f"{counted(len(self._answered), 'long answer')} standing word for word in the"
                f" documents; the first in '{self._answered[0][1]}'.",
                "Good where answers are to be found there; bad where they are to be thought of.",
            )


def _bare(text: str) -> str:
    return " ".join(_WORD.findall(normalise(text)))
