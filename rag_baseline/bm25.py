"""Passages that can be searched by their words, kept on disk without one of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from advisor.contracts import PluginInfo, Progress, Tools
from advisor.errors import CorpusError, StorageError
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.options import Reader, number_from, read_options
from rag_baseline.passage_text import searched_text
from rag_baseline.postings import Postings, TermRows, Weights, best
from rag_baseline.shelf import DOCUMENT, Shelf
from rag_baseline.terms import AUTO, SAMPLED, Terms, language, language_of
from rag_baseline.vector_libraries import numpy

FORMAT = 1
MANIFEST = "manifest.json"
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

    def configured(self, options: Mapping[str, str]) -> Self:
        """With k1, b or language; raises InputError for an unknown or wrong one."""
        given = read_options("the retriever bm25", options, READERS)
        return type(self)(self._cache, self._progress, replace(self._options, **given))

    def equipped(self, tools: Tools) -> Self:
        """With the run's cache folder and progress."""
        return type(self)(tools.cache_dir, tools.progress, self._options)

    @property
    def digest(self) -> str:
        """Digest over passages and options: equal digests mean equal hits."""
        if self._shelf is None:
            return ""
        body = [FORMAT, self._shelf.digest, self._terms.language, asdict(self._options)]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path | None:
        """Where this index is stored."""
        return self._cache / f"bm25-{self.digest}" if self._cache is not None else None

    @property
    def language(self) -> str:
        """Whose stems are counted."""
        return self._terms.language

    def index(self, passages: Sequence[Passage]) -> None:
        """Make passages searchable, from the stored index when the same was stored before.

        Raises CorpusError when there is none, MissingExtraError, StorageError.
        """
        if not passages:
            raise CorpusError(
                "There is no passage to index: the documents hold no text.",
                hint="Point --docs at text or Markdown files that are not empty.",
            )
        self._shelf = Shelf.of(passages)
        self._terms = Terms(self._language(self._shelf))
        self._rows = None
        self._postings = self._opened()
        if self._postings is None:
            made = self._ready(self._shelf)
            if self.folder is not None:
                _store(self.folder, made, self._manifest())

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""
        if self._shelf is None:
            self.index(passages)
            return
        rows = self._term_rows(self._shelf)
        more = Shelf.of(passages)
        rows.keep(~numpy().isin(self._shelf.ids, more.ids))
        self._shelf = self._shelf.with_more(passages)
        rows.add(searched_text(passage) for passage in more)
        self._postings = None

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""
        if self._shelf is None:
            return 0
        gone = self._shelf.matching({DOCUMENT: document})
        if gone.any():
            self._term_rows(self._shelf).keep(~gone)
            self._shelf = self._shelf.keeping(~gone)
            self._postings = None
        return int(gone.sum())

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k passages that share a term with the query, ties in the order of indexing."""
        return self.search_where(query, k, {})

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""
        if self._shelf is None or k < 1 or not len(self._shelf):
            return []
        scores = self._ready(self._shelf).score(self._terms.asked(query))
        allowed = self._shelf.matching(where) if where else None
        return [Hit(passage=self._shelf[at], score=score) for at, score in best(scores, k, allowed)]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """`search` for each query, in order."""
        return [self.search(query, k) for query in queries]

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

    def _ready(self, shelf: Shelf) -> Postings:
        """The index; made again after passages came or went."""
        if self._postings is None:
            weights = Weights(self._options.k1, self._options.b)
            self._postings = Postings.of(self._term_rows(shelf), weights)
        return self._postings

    def _opened(self) -> Postings | None:
        """The stored index, or None where it is absent, damaged or of another make."""
        folder, shelf = self.folder, self._shelf
        if folder is None or shelf is None:
            return None
        try:
            if json.loads((folder / MANIFEST).read_text(encoding="utf-8")) != self._manifest():
                return None
            return Postings.open(folder, len(shelf))
        except (OSError, ValueError):
            return None

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "digest": self.digest,
            "passages": len(self._shelf or ()),
            "language": self.language,
            "k1": self._options.k1,
            "b": self._options.b,
        }


def _store(folder: Path, postings: Postings, manifest: dict[str, Any]) -> None:
    """Write the index beside its place and rename it, so that it is there whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        postings.save(temporary)
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in temporary.iterdir():
            _sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except OSError as error:
        raise StorageError(
            f"The word index cannot be stored: {error}.",
            hint="Free some space or make the folder writable; nothing half-written was left.",
            where=str(folder),
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
