"""An index of words: which passages hold a term, and how much BM25 gives each for it."""

from __future__ import annotations

import hashlib
import math
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
BLOCK = 4096
"""Passages that are counted at once."""
WORDS_KEPT = 2**18
"""Words whose terms are remembered while texts are read."""


@dataclass(frozen=True)
class Weights:
    """The two numbers of BM25 (Robertson and Zaragoza 2009)."""

    k1: float
    """How soon further occurrences of a term in one passage stop to count."""
    b: float
    """How far a long passage is marked down, from 0 to 1."""


@dataclass
class TermRows:
    """The terms of every passage as numbers, which makes a changed corpus cheap to index again.

    Passages stand in blocks: the numbers of all terms, one passage after the other, and how many
    each passage has.
    """

    terms: Terms
    blocks: list[tuple[Any, Any]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _words: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(lengths) for _, lengths in self.blocks)

    def add(self, texts: Iterable[str], told: Callable[[], None] = lambda: None) -> None:
        """Further passages, after those that are there."""
        flat, lengths = array(ROWS), array(ROWS)
        for text in texts:
            before = len(flat)
            for word in words(text):
                flat.extend(self._words.get(word) or self._read(word))
            lengths.append(len(flat) - before)
            if len(lengths) == BLOCK:
                self._append(flat, lengths)
                flat, lengths = array(ROWS), array(ROWS)
            told()
        self._append(flat, lengths)

    def _append(self, flat: array[int], lengths: array[int]) -> None:
        """One more block, joined with the last one while that is small."""
        np = numpy()
        if not len(lengths):
            return
        block = np.array(flat, dtype="int32"), np.array(lengths, dtype="int32")
        if self.blocks and len(self.blocks[-1][1]) + len(lengths) <= BLOCK:
            last = self.blocks.pop()
            block = np.concatenate([last[0], block[0]]), np.concatenate([last[1], block[1]])
        self.blocks.append(block)

    def keep(self, mask: Any) -> None:
        """Those passages at which the mask is true."""
        np, start, kept = numpy(), 0, []
        for flat, lengths in self.blocks:
            stays = np.asarray(mask[start : start + len(lengths)], dtype=bool)
            start += len(lengths)
            if stays.any():
                kept.append((flat[np.repeat(stays, lengths)], lengths[stays]))
        self.blocks = kept

    @property
    def hashes(self) -> Any:
        """The 64-bit hash of every term, by number."""
        found = map(hashed, self._numbers)
        return numpy().fromiter(found, dtype="uint64", count=len(self._numbers))

    def _read(self, word: str) -> tuple[int, ...]:
        found = tuple(
            self._numbers.setdefault(term, len(self._numbers)) for term in self.terms.of_word(word)
        )
        if len(self._words) >= WORDS_KEPT:
            self._words.clear()
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
        """BM25 of every term in every passage, the variant of Lucene, to the bit as bm25s does it.

        Gone through block by block, so that beside the rows and the index itself only one block's
        pairs of term and passage are in memory.
        """
        np, vocabulary, passages = numpy(), rows.hashes, len(rows)
        holding = np.zeros(len(vocabulary), dtype="int64")
        for block in rows.blocks:
            terms, counts = np.unique(_pairs(*block)[0], return_counts=True)
            holding[terms] += counts
        starts = np.concatenate([np.zeros(1, dtype="int64"), np.cumsum(holding)])
        where, scores = np.empty(starts[-1], dtype="int32"), np.empty(starts[-1], dtype="float32")
        if not starts[-1]:
            return cls((vocabulary, starts, where, scores), passages)
        inverse, free, first = _inverse(holding, passages), starts[:-1].copy(), 0
        mean = sum(int(lengths.sum()) for _, lengths in rows.blocks) / passages
        for flat, lengths in rows.blocks:
            terms, local, often = _pairs(flat, lengths)
            longer = weights.k1 * ((1 - weights.b) + weights.b * lengths / mean)
            some, begins, counts = np.unique(terms, return_index=True, return_counts=True)
            at = free[terms] + np.arange(len(terms)) - np.repeat(begins, counts)
            free[some] += counts
            where[at] = first + local
            scores[at] = inverse[terms] * (often / (longer[local] + often))
            first += len(lengths)
        return cls((vocabulary, starts, where, scores), passages)

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


def _pairs(flat: Any, lengths: Any) -> tuple[Any, Any, Any]:
    """Terms and passages of one block that belong together, in this order, and how often."""
    np = numpy()
    passages = np.repeat(np.arange(len(lengths), dtype="int64"), lengths)
    pairs, often = np.unique(flat * np.int64(len(lengths)) + passages, return_counts=True)
    return *np.divmod(pairs, np.int64(len(lengths))), often


def _inverse(holding: Any, passages: int) -> Any:
    """What a term tells by how many passages hold it; 0 for one that no passage holds any more."""
    np = numpy()
    counts, at = np.unique(holding, return_inverse=True)
    told = [math.log(1 + (passages - n + 0.5) / (n + 0.5)) if n else 0.0 for n in counts.tolist()]
    return np.array(told, dtype="float32")[at]


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
