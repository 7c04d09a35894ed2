"""Which passages are right for a sample: those that hold its answer, in the document it names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from advisor.schema.evaluation import Document, Passage, Sample

LONG = 8
"""Words above which an answer need not stand in a passage word for word."""
COVERAGE = 0.8
"""Share of a long answer's content words that a right passage must have."""
MOST_PLACES = 5
"""An answer that stands in more places (yes, a label, a common name) tells no passage apart."""
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""
_SHORT = 3

By = Literal["document", "answer", "mixed", ""]
"""What makes a passage right: the document that the sample names, the answer standing in it, both.
Empty: nothing does, so that the sample says nothing about retrieval."""


class _Text(NamedTuple):
    """A text as answers are looked up in it."""

    words: frozenset[str]
    joined: str


def holds(answer: str, text: str) -> bool:
    """Whether a text holds an answer.

    Word for word, whatever the case and the punctuation; from nine words on, 80 % of its words
    of more than three letters or with a digit.
    """
    return _count(answer, _read(text)) > 0


def names_document(named: str, document: str) -> bool:
    """Whether a document's name is meant: the same path, file, or file without ending or part."""
    return bool(named) and named in _names_of(document)


class Relevance:
    """What is right for each of some samples, by one look through the documents.

    A sample that names a document of the corpus: its passages that hold the answer, or any of its
    passages where the document does not hold it word for word. Other samples: passages that hold
    the answer, unless that stands in more than `MOST_PLACES` places or nowhere. Samples that are
    known to have no answer have no right passage.
    """

    def __init__(self, samples: Sequence[Sample], corpus: Iterable[Document]) -> None:
        asked = [s for s in samples if s.is_answerable is not False and s.target.strip()]
        answers = {sample.target: _words(sample.target) for sample in asked}
        plain: defaultdict[str, dict[tuple[str, ...], list[str]]] = defaultdict(dict)
        everywhere = []
        for answer, words in answers.items():
            if _is_plain(answer, words):
                plain[words[0]].setdefault(tuple(words), []).append(answer)
            else:
                everywhere.append(answer)
        named = {sample.document for sample in asked if sample.document}
        self._places: Counter[str] = Counter()
        self._known: defaultdict[str, set[str]] = defaultdict(set)
        self._holding: set[tuple[str, str]] = set()
        for document in corpus:
            here = _standing(_words(document.text), plain)
            if everywhere:
                text = _taken(document.text)
                here.update({answer: _count(answer, text) for answer in everywhere})
            self._places.update(here)
            self._holding.update((answer, document.name) for answer in here if here[answer])
            for name in _names_of(document.name) & named:
                self._known[name].add(document.name)

    def by(self, sample: Sample) -> By:
        """What makes a passage right for the sample; empty where nothing does."""
        if sample.is_answerable is False or not sample.target.strip():
            return ""
        known = self._known.get(sample.document)
        if known:
            return "mixed" if self._held(sample, known) else "document"
        return "answer" if 0 < self._places[sample.target] <= MOST_PLACES else ""

    def is_right(self, sample: Sample, passage: Passage) -> bool:
        """Whether the passage is right for the sample."""
        by = self.by(sample)
        if not by:
            return False
        if by == "answer":
            return holds(sample.target, passage.text)
        is_named = passage.document in self._known[sample.document]
        return is_named and (by == "document" or holds(sample.target, passage.text))

    def rank(self, sample: Sample, passages: Iterable[Passage]) -> int | None:
        """Place of the first right passage, counted from 1; None where there is none."""
        ranked = enumerate(passages, start=1)
        return next((at for at, passage in ranked if self.is_right(sample, passage)), None)

    def _held(self, sample: Sample, documents: Iterable[str]) -> bool:
        return any((sample.target, name) in self._holding for name in documents)


def _standing(
    text: Sequence[str], plain: Mapping[str, Mapping[tuple[str, ...], Sequence[str]]]
) -> Counter[str]:
    """In how many places of a text answers stand word for word, by one walk through it."""
    lengths = {first: {len(words) for words in answers} for first, answers in plain.items()}
    found: Counter[str] = Counter()
    for at, first in enumerate(text):
        # At the end of a text a longer slice is a shorter one again: a set counts it once.
        for slice_ in {tuple(text[at : at + length]) for length in lengths.get(first, ())}:
            for answer in plain[first].get(slice_, ()):
                found[answer] += 1
    return found


def _names_of(document: str) -> set[str]:
    """Every name under which `names_document` knows a document."""
    whole = document.partition("#")[0]
    file = whole.rpartition("/")[2]
    stem = file.rpartition(".")[0] or file
    return {document, whole, file, stem, whole.removesuffix(file) + stem}


def _words(text: str) -> list[str]:
    folded = _GROUPED.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _WORD.findall(folded)


def _taken(text: str) -> _Text:
    words = _words(text)
    return _Text(frozenset(words), f" {' '.join(words)} ")


_read = lru_cache(maxsize=4096)(_taken)


def _is_plain(answer: str, words: Sequence[str]) -> bool:
    """Whether the answer is looked up word for word, so that its first word must stand there."""
    return 0 < len(words) <= LONG and not _UNSPACED.search(answer)


def _count(answer: str, text: _Text) -> int:
    """In how many places the text holds the answer; 1 where it does so in other words."""
    words = _words(answer)
    if not words:
        return 0
    joined = " ".join(words)
    if _UNSPACED.search(joined):
        return text.joined.replace(" ", "").count(joined.replace(" ", ""))
    if found := text.joined.count(f" {joined} "):
        return found
    if len(words) <= LONG:
        return 0
    telling = {w for w in words if len(w) > _SHORT or any(map(str.isdigit, w))} or set(words)
    return int(len(telling & text.words) >= COVERAGE * len(telling))
