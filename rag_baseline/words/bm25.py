"""Passages that can be searched by their words, kept on disk without one of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from advisor.contracts import PluginInfo, Progress, Tools
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.options import Reader, number_from, read_options
from rag_baseline.passage_text import searched_text
from rag_baseline.vectors.shelf import DOCUMENT, Shelf, id_number
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.words import word_folder
from rag_baseline.words.postings import Postings, TermRows, Weights, best
from rag_baseline.words.terms import AUTO, SAMPLED, Terms, language, language_of

FORMAT = 1
ROWS_KEPT = 200_000
"""Passages up to which their terms stay in memory, so that an update need not read them again."""
TOLD_FROM = 5000
"""Passages from which progress is shown; fewer are done in a second."""


@dataclass(frozen=True)
class Bm25Options:
    """What a user may set."""

    k1: float = 1.2
    b: float = 0.75
    language: str = AUTO
    """Whose stems count; `auto` looks at the passages, `none` leaves words as they are."""


READERS: dict[str, Reader] = {
    "k1": number_from(0.0, 10.0),
    "b": number_from(0.0, 1.0),
    "language": language,
}


class Bm25Retriever:
    """BM25 over words, codes and numbers; with a cache folder the index is found again there.

    Passages that share no term with the query are never found.
    """

    info = PluginInfo(id="bm25", label="word search (BM25)", extra="rag")

    def __init__(
        self,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        options: Bm25Options | None = None,
    ) -> None:
        self._cache = cache_dir
        self._progress = progress
        self._options = options or Bm25Options()
        self._shelf: Shelf | None = None
        self._terms = Terms()
        self._rows: TermRows | None = None
        self._postings: Postings | None = None
        self._last: tuple[str, Any] | None = None
        self._order: Any = None
        self._is_language_due = False

    def configured(self, options: Mapping[str, str]) -> Self:
        """With k1, b or language; raises InputError for an unknown or wrong one."""
        given = read_options("the retriever bm25", options, READERS)
        return type(self)(self._cache, self._progress, replace(self._options, **given))

    def equipped(self, tools: Tools) -> Self:
        """With the run's cache folder and progress."""
        return type(self)(tools.cache_dir, tools.progress, self._options)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the hits, for a manifest."""
        return {"retriever": self.info.id, "index": self.digest, **asdict(self._options)} | {
            "language": self.language
        }

    @property
    def digest(self) -> str:
        """Digest over passages and options: equal digests mean equal hits."""
        if self._shelf is None:
            return ""
        self._settle_language(self._shelf)
        body = [FORMAT, self._shelf.digest, self._terms.language, asdict(self._options)]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path | None:
        """Where this index is stored."""
        return self._cache / f"bm25-{self.digest}" if self._cache is not None else None

    @property
    def language(self) -> str:
        """Whose stems are counted: of the passages that are there now."""
        if self._shelf is not None:
            self._settle_language(self._shelf)
        return self._terms.language

    def index(self, passages: Sequence[Passage]) -> None:
        """Make passages searchable, from the stored index when the same was stored before.

        Raises CorpusError when there is none, MissingExtraError, StorageError.
        """
        self._shelf = Shelf.filled(passages)
        self._terms = Terms(self._language(self._shelf))
        self._rows = None
        self._forget()
        self._is_language_due = False
        folder = self.folder
        self._postings = word_folder.opened(folder, self._facts()) if folder else None
        if folder and self._postings is None:
            word_folder.store(folder, self._ready(self._shelf), self._facts())

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""
        if not len(passages):
            return
        if self._shelf is None:
            self.index(passages)
            return
        rows = self._term_rows(self._shelf)
        more = Shelf.of(passages)
        rows.keep(~numpy().isin(self._shelf.ids, more.ids))
        self._shelf = self._shelf.with_more(passages)
        rows.add(searched_text(passage) for passage in more)
        self._forget()

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""
        if self._shelf is None:
            return 0
        gone = self._shelf.matching({DOCUMENT: document})
        if gone.any():
            self._term_rows(self._shelf).keep(~gone)
            self._shelf = self._shelf.keeping(~gone)
            self._forget()
        return int(gone.sum())

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k passages that share a term with the query, ties in the order of indexing."""
        return self.search_where(query, k, {})

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""
        if self._shelf is None or k < 1 or not len(self._shelf):
            return []
        scores = self._scores(query, self._shelf)
        allowed = self._shelf.matching(where) if where else None
        return [Hit(passage=self._shelf[at], score=score) for at, score in best(scores, k, allowed)]

    def scored(self, query: str, passages: Sequence[Passage]) -> list[Hit]:
        """Those of the passages that share a term with the query, with their scores, unsorted."""
        if self._shelf is None or not passages:
            return []
        scores = self._scores(query, self._shelf)[self.positions(passages)]
        pairs = zip(passages, scores, strict=True)
        return [Hit(passage=passage, score=float(score)) for passage, score in pairs if score > 0]

    def positions(self, passages: Sequence[Passage]) -> Any:
        """Where indexed passages stand in the order of indexing."""
        np, ids = numpy(), Shelf.of([]).ids if self._shelf is None else self._shelf.ids
        if self._order is None:
            self._order = np.argsort(ids)
        asked = np.array([id_number(passage.id) for passage in passages], dtype="int64")
        return self._order[np.searchsorted(ids, asked, sorter=self._order)]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """`search` for each query, in order."""
        return [self.search(query, k) for query in queries]

    def _forget(self) -> None:
        """What was made for other passages is of no use any more; they may speak another tongue."""
        self._postings = self._last = self._order = None
        self._is_language_due = True

    def _settle_language(self, shelf: Shelf) -> None:
        """Look once at passages that came or went, as a fresh index would."""
        if not self._is_language_due:
            return
        self._is_language_due = False
        found = self._language(shelf) if len(shelf) else self._terms.language
        if found != self._terms.language:
            self._terms, self._rows = Terms(found), None

    def _language(self, shelf: Shelf) -> str:
        if self._options.language != AUTO:
            return self._options.language
        step = max(1, len(shelf) // SAMPLED)
        return language_of([shelf[at].text for at in range(0, len(shelf), step)][:SAMPLED])

    def _term_rows(self, shelf: Shelf) -> TermRows:
        """Terms of the passages; read again where the index came from the disk."""
        if self._rows is None:
            self._rows = TermRows(self._terms)
            told = self._progress if len(shelf) >= TOLD_FROM else None
            if told:
                told.start("reading words", len(shelf))
            self._rows.add(map(searched_text, shelf), told.advance if told else lambda: None)
            if told:
                told.finish()
        return self._rows

    def _scores(self, query: str, shelf: Shelf) -> Any:
        """Of every passage for the query; the last ones are kept."""
        postings = self._ready(shelf)
        if self._last is None or self._last[0] != query:
            self._last = query, postings.score(self._terms.asked(query))
        return self._last[1]

    def _ready(self, shelf: Shelf) -> Postings:
        """The index; made again after passages came or went."""
        self._settle_language(shelf)
        if self._postings is None:
            weights = Weights(self._options.k1, self._options.b)
            self._postings = Postings.of(self._term_rows(shelf), weights)
            if len(shelf) > ROWS_KEPT:
                self._rows = None
        return self._postings

    def _facts(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "digest": self.digest,
            "passages": len(self._shelf or ()),
            "language": self.language,
            "k1": self._options.k1,
            "b": self._options.b,
        }
