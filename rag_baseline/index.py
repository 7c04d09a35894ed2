"""Passages that can be searched by meaning, kept on disk so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.contracts import Embedder, PluginInfo, Progress
from advisor.errors import CorpusError, StorageError
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.embed import SentenceTransformersEmbedder
from rag_baseline.retrieve import Search, best, engine

FORMAT = 2
MANIFEST = "manifest.json"
SLICE = 128
"""Passages embedded between two signs of life."""


class FaissRetriever:
    """Exact dense retrieval; with a cache folder the index is stored there and found again.

    Stored are vectors and a manifest, never a text: documents may hold what must not be copied.
    """

    info = PluginInfo(id="faiss", label="exact dense retrieval (FAISS)", extra="rag")

    def __init__(
        self,
        embedder: Embedder | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._embedder: Embedder = embedder or SentenceTransformersEmbedder()
        self._cache = cache_dir
        self._progress = progress
        self._passages: tuple[Passage, ...] = ()
        self._search: Search | None = None
        self._vectors: dict[str, list[float]] = {}
        self.digest = ""
        """Digest over passages and embedder: equal digests mean equal hits."""

    def index(self, passages: Sequence[Passage]) -> None:
        """Make passages searchable, from the stored index when the same was stored before.

        Raises CorpusError when there is none, MissingExtraError, StorageError.
        """
        if not passages:
            raise CorpusError(
                "There is no passage to index: the documents hold no text.",
                hint="Point --docs at text or Markdown files that are not empty.",
            )
        self._passages = tuple(passages)
        self._vectors = {}
        self.digest = self._identity()
        folder = self.folder
        if folder is not None:
            self._search = _open(folder, self._manifest())
            if self._search is not None:
                return
        self._search = engine().of(self._embedded([passage.text for passage in passages]))
        if folder is not None:
            _store(folder, self._search, self._manifest())

    def _embedded(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector per text, told slice by slice where there are many."""
        if self._progress is None or len(texts) <= SLICE:
            return self._embedder.embed(texts)
        vectors: list[list[float]] = []
        self._progress.start("embedding passages", len(texts))
        try:
            for start in range(0, len(texts), SLICE):
                fresh = self._embedder.embed(texts[start : start + SLICE])
                vectors += fresh
                self._progress.advance(len(fresh))
        finally:
            self._progress.finish()
        return vectors

    def _identity(self) -> str:
        embedder = {"id": self._embedder.info.id, "digest": getattr(self._embedder, "digest", "")}
        body = [passage.model_dump(mode="json") for passage in self._passages]
        text = json.dumps([FORMAT, embedder, body], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _texts_digest(self) -> str:
        digest = hashlib.sha256()
        for passage in self._passages:
            digest.update(passage.model_dump_json().encode() + b"\n")
        return digest.hexdigest()

    @property
    def folder(self) -> Path | None:
        """Where this index is stored."""
        return self._cache / f"index-{self.digest}" if self._cache is not None else None

    def prepare(self, queries: Sequence[str]) -> None:
        """Embed queries together; one at a time each would cost as much as a whole batch."""
        wanted = list(dict.fromkeys(queries))
        self._vectors = dict(zip(wanted, self._embedder.embed(wanted), strict=True))

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k passages, best first, ties in the order of indexing."""
        if self._search is None or k < 1:
            return []
        vector = self._vectors.get(query) or self._embedder.embed([query])[0]
        found = best(self._search, vector, min(k, len(self._search)))
        return [Hit(passage=self._passages[at], score=score) for at, score in found]

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "digest": self.digest,
            "passages_digest": self._texts_digest(),
            "embedder": self._embedder.info.id,
            "embedder_digest": getattr(self._embedder, "digest", ""),
            "passages": len(self._passages),
        }


def _open(folder: Path, wanted: dict[str, Any]) -> Search | None:
    """The stored index, or None where it is absent, damaged or of another make."""
    kind = engine()
    try:
        if json.loads((folder / MANIFEST).read_text(encoding="utf-8")) != wanted:
            return None
        search: Search = kind.open(folder)
    except (OSError, ValueError, RuntimeError, AttributeError):
        return None
    return search if len(search) == wanted["passages"] else None


def _store(folder: Path, search: Search, manifest: dict[str, Any]) -> None:
    """Write the index beside its place and rename it, so that it is there whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        search.save(temporary)
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in temporary.iterdir():
            _sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except (OSError, RuntimeError) as error:
        raise StorageError(
            f"The passage index cannot be stored: {error}.",
            hint="Free some space or make the folder writable; nothing half-written was left.",
            where=str(folder),
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
