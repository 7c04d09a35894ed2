"""An index of words: which passages hold a term, and how much BM25 gives each for it."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.words.terms import Terms, words

FILES = ("vocabulary.npy", "starts.npy", "passages.npy", "scores.npy")
ROWS = "i"
"""Type code of what a passage's terms are kept in: four bytes each."""


@dataclass(frozen=True)
class Weights:
    """The two numbers of BM25 (Robertson and Zaragoza 2009)."""

    k1: float
    """How soon further occurrences of a term in one passage stop to count."""
    b: float
    """How far a long passage is marked down, from 0 to 1."""


@dataclass
class TermRows:
    """The terms of every passage as numbers, which makes a changed corpus cheap to index again."""

    terms: Terms
    rows: list[array[int]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _words: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, texts: Iterable[str], told: Callable[[], None] = lambda: None) -> None:
        """Further passages, after those that are there."""
        for text in texts:
            row = array(ROWS)
            for word in words(text):
                row.extend(self._words.get(word) or self._read(word))
            self.rows.append(row)
            told()

    def keep(self, mask: Iterable[bool]) -> None:
        """Those passages at which the mask is true."""
        self.rows = [row for row, stays in zip(self.rows, mask, strict=True) if stays]

    @property
    def hashes(self) -> Any:
        """The 64-bit hash of every term, by number."""
        return numpy().array([hashed(term) for term in self._numbers], dtype="uint64")

    def _read(self, word: str) -> tuple[int, ...]:
        found = tuple(
            self._numbers.setdefault(term, len(self._numbers)) for term in self.terms.of_word(word)
        )
        self._words[word] = found
        return found


class Postings:
    """Scores by term and passage; terms are known by their hashes alone, so no word is kept."""

    def __init__(self, columns: tuple[Any, Any, Any, Any], passages: int) -> None:
        self._vocabulary, self._starts, self._passages, self._scores = columns
        self._sorted = numpy().argsort(self._vocabulary, kind="stable")
        self.passages = passages

    @classmethod
    def of(cls, rows: TermRows, weights: Weights) -> Postings:
        """BM25 of every term in every passage, as bm25s computes it (the variant of Lucene)."""
        np, vocabulary = numpy(), rows.hashes
        if not any(rows.rows):
            none = np.zeros(len(vocabulary) + 1, "int64"), np.zeros(0, "int32"), np.zeros(0, "f4")
            return cls((vocabulary, *none), len(rows.rows))
        model = _bm25s().BM25(k1=weights.k1, b=weights.b)
        made = model.build_index_from_ids(range(len(vocabulary)), rows.rows, show_progress=False)
        return cls((vocabulary, made["indptr"], made["indices"], made["data"]), len(rows.rows))

    def score(self, asked: Iterable[str]) -> Any:
        """What BM25 gives every passage for these terms."""
        np = numpy()
        wanted = np.array([hashed(term) for term in asked], dtype="uint64")
        at = np.searchsorted(self._vocabulary, wanted, sorter=self._sorted)
        at = self._sorted[at[at < len(self._sorted)]]
        at = at[np.isin(self._vocabulary[at], wanted)]
        if not len(at):
            return np.zeros(self.passages, dtype="float32")
        model = _bm25s().BM25()
        model.nonoccurrence_array = None
        model.scores = {
            "data": self._scores,
            "indices": self._passages,
            "indptr": self._starts,
            "num_docs": self.passages,
        }
        return model.get_scores_from_ids(at)

    def save(self, folder: Path) -> tuple[str, ...]:
        """Four arrays of numbers, no word among them; the names of their files."""
        columns = (self._vocabulary, self._starts, self._passages, self._scores)
        for name, column in zip(FILES, columns, strict=True):
            numpy().save(folder / name, column, allow_pickle=False)
        return FILES

    @classmethod
    def open(cls, folder: Path, passages: int) -> Postings:
        """What `save` wrote, read from the disk as it is needed. Raises ValueError, OSError."""
        load = numpy().load
        columns = [load(folder / name, mmap_mode="r", allow_pickle=False) for name in FILES]
        return cls((columns[0], columns[1], columns[2], columns[3]), passages)


def best(scores: Any, k: int, allowed: Any = None) -> list[tuple[int, float]]:
    """Positions with the k highest scores above 0, best first; ties in the order of indexing."""
    np = numpy()
    found = np.flatnonzero(scores > 0 if allowed is None else (scores > 0) & allowed)
    values = scores[found]
    if len(found) > k:
        least = np.partition(values, len(values) - k)[len(values) - k]
        found, values = found[values >= least], values[values >= least]
    order = np.argsort(-values, kind="stable")[:k]
    return [(int(found[at]), float(values[at])) for at in order]


def hashed(term: str) -> int:
    """64 bits of a term's BLAKE2b."""
    digest = hashlib.blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _bm25s() -> Any:
    try:
        import bm25s  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("Word search (BM25)", "rag") from error
    return bm25s
