"""The run's embedder: every text is embedded once, ever, and its vector found again by content."""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from advisor import registry
from advisor.contracts import (
    Arraying,
    Asymmetric,
    Configurable,
    Embedder,
    PluginInfo,
    Progress,
    Windowed,
)
from advisor.errors import InputError, MissingExtraError, PluginContractError
from advisor.evaluation.cache import FILE, place
from advisor.vectors import KEY_TYPE, VectorStore

FOLDER = "vectors"
SLICE = 128
"""Texts embedded between two writings, to begin with."""
LARGEST_SLICE = 8192
QUICK_SECONDS, SLOW_SECONDS = 1.0, 8.0
"""A slice that took less is followed by one of twice its size, one that took more by one of half,
so that a kill costs seconds of work on any machine."""
SMALL = 32
"""Fewer fresh vectors than this wait for more, for the first call after a moment, or for the end:
single questions would otherwise be a file each."""
MOMENT_SECONDS = 2.0
WATCHED = 512
"""Fresh texts from which on a line of progress is shown."""
PASSAGE, QUERY = b"passage", b"query"
DEFAULT = "sentence_transformers"
SERVICE = "openai"


def vectors_root() -> Path | None:
    """Where vectors are kept: beside the completions; None where ADVISOR_CACHE says `off`."""
    kept = place()
    if kept is None:
        return None
    return kept.with_name(FOLDER if kept.name == FILE else f"{kept.name}.{FOLDER}")


def run_embedder(
    name: str | None,
    base_url: str | None,
    folder: Path | None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> KeptEmbedder:
    """The embedder that a run names, with its vectors kept under `folder` (None: not kept).

    `name` is the folder of a sentence-transformers model, a model's name at `base_url`, or an
    embedder plugin; None is the packaged model. Raises InputError for what is none of these.
    """
    if base_url is not None:
        if not name:
            raise InputError(
                f"Nothing says which model embeds at {base_url}.",
                hint="Name it with --embedder.",
                where="--embedder",
            )
        inner = _configured(SERVICE, {"model": name, "base_url": base_url})
    elif name in registry.names("advisor.embedders") and name != SERVICE:
        inner = registry.embedder(name)
    elif name == SERVICE:
        raise InputError(
            "Nothing says which model embeds, nor where.",
            hint="Name a model with --embedder and an address with --embedder-base-url.",
            where="--embedder",
        )
    else:
        inner = _configured(DEFAULT, {} if name is None else {"model": name})
    return KeptEmbedder(inner, folder, progress, say)


def _configured(plugin: str, options: dict[str, str]) -> Embedder:
    embedder = registry.embedder(plugin)
    if options and isinstance(embedder, Configurable):
        return cast("Embedder", embedder.configured(options))
    return embedder


class KeptEmbedder:
    """An embedder whose vectors are kept, by content, in a folder; it embeds nothing twice.

    Of many texts the longest come first, and every slice is on the disk before the next begins.
    Where the folder cannot be used everything works and nothing is kept, which is told once.
    """

    def __init__(
        self,
        inner: Embedder,
        folder: Path | None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.inner = inner
        self._progress = progress
        self._lock = threading.RLock()
        self._keeper = _Keeper(inner, folder, say)
        self._slice = SLICE
        weakref.finalize(self, self._keeper.flush)

    @property
    def info(self) -> PluginInfo:
        """What the embedder says of itself."""
        return self.inner.info

    @property
    def digest(self) -> str:
        """What identifies the vectors; empty where the embedder does not say."""
        return str(getattr(self.inner, "digest", ""))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: what could not be kept, what was damaged."""
        return tuple(self._keeper.notes)

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that the embedder reads; None where it does not say."""
        found: int | None = getattr(self.inner, "max_tokens", None)
        return found

    @property
    def tokenizer(self) -> Any:
        """The embedder's tokenizer; None where it has none."""
        return getattr(self.inner, "tokenizer", None)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; a third of its characters where the embedder does not count."""
        if isinstance(self.inner, Windowed):
            return self.inner.token_counts(texts)
        return [-(-len(text) // 3) for text in texts]

    def cuts(self, texts: Sequence[str]) -> bool:
        """Whether the embedder would read one of the texts in part; False where it cannot say."""
        most = self.max_tokens
        return most is not None and any(count > most for count in self.token_counts(texts))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order."""
        found: list[list[float]] = self.array(texts).tolist() if len(texts) else []
        return found

    def array(self, texts: Sequence[str]) -> Any:
        """The same as a numpy array, float32."""
        return self._array(texts, PASSAGE)

    def array_queries(self, texts: Sequence[str]) -> Any:
        """As `array`, for texts that are searched with, where the embedder reads them otherwise."""
        return self._array(texts, QUERY if isinstance(self.inner, Asymmetric) else PASSAGE)

    def prepare(self, texts: Sequence[str]) -> None:
        """See that passages are embedded, without bringing their vectors into memory."""
        with self._lock:
            keys = _keys(texts, PASSAGE)
            missing = self._keeper.missing(keys)
            self._embed(texts, keys, missing, PASSAGE, None)

    def close(self) -> None:
        """Write what waits for more."""
        with self._lock:
            self._keeper.flush()

    def _array(self, texts: Sequence[str], role: bytes) -> Any:
        with self._lock:
            keys = _keys(texts, role)
            out, missing = self._keeper.known(keys)
            if len(missing):
                out = self._embed(texts, keys, missing, role, out)
        return out

    def _embed(self, texts: Sequence[str], keys: Any, missing: Any, role: bytes, out: Any) -> Any:
        """Embed and keep what is missing, each text once, longest first; `out` with it."""
        np = _numpy()
        _, first, twin = np.unique(keys[missing], return_index=True, return_inverse=True)
        lengths = np.fromiter((len(texts[at]) for at in missing[first]), "int64", len(first))
        order = missing[first[np.argsort(-lengths, kind="stable")]]
        is_shown = self._progress is not None and len(order) >= WATCHED
        if is_shown:
            self._progress.start("embedding", len(order))  # type: ignore[union-attr]
        try:
            at = 0
            while at < len(order):
                chosen = order[at : at + self._slice]
                rows = self._rows([texts[one] for one in chosen], role)
                self._keeper.keep(keys[chosen], rows)
                if out is not None:
                    if not out.shape[1]:
                        out = np.empty((len(out), rows.shape[1]), dtype="float32")
                    out[chosen] = rows
                at += len(chosen)
                if is_shown:
                    self._progress.advance(len(chosen))  # type: ignore[union-attr]
        finally:
            if is_shown:
                self._progress.finish()  # type: ignore[union-attr]
        if out is not None:
            out[missing] = out[missing[first[twin]]]
        return out

    def _rows(self, texts: list[str], role: bytes) -> Any:
        """Vectors of one slice; the next slice is larger or smaller by how long it took."""
        np = _numpy()
        began = time.monotonic()
        if role == QUERY:
            rows = cast("Asymmetric", self.inner).array_queries(texts)
        elif isinstance(self.inner, Arraying):
            rows = self.inner.array(texts)
        else:
            rows = np.asarray(self.inner.embed(texts), dtype="float32")
        seconds = time.monotonic() - began
        is_shaped = rows.ndim == 2 and len(rows) == len(texts)
        is_shaped = is_shaped and self._keeper.dimension in (0, rows.shape[1])
        if not is_shaped or not np.isfinite(rows).all():
            raise PluginContractError(
                f"The embedder {self.info.id} gave {getattr(rows, 'shape', None)} numbers for "
                f"{len(texts)} texts, or some that are no numbers.",
                hint="Use another embedding model.",
                where=f"embedder {self.info.id}",
            )
        if len(texts) == self._slice:
            if seconds < QUICK_SECONDS:
                self._slice = min(2 * self._slice, LARGEST_SLICE)
            elif seconds > SLOW_SECONDS:
                self._slice = max(self._slice // 2, SMALL)
        return rows


class _Keeper:
    """What is kept and what waits to be; outlives its embedder long enough to write the rest."""

    def __init__(
        self, inner: Embedder, folder: Path | None, say: Callable[[str], None] | None
    ) -> None:
        self.notes: list[str] = []
        self._say = say
        self._inner = inner
        self._folder = folder
        self._opened: VectorStore | None = None
        self._waiting: dict[bytes, Any] = {}
        self._since = 0.0
        self._skipped = 0

    @property
    def _store(self) -> VectorStore:
        """Opened when first wanted: an embedder's digest reads its whole model."""
        if self._opened is None:
            identity = {
                "embedder": self._inner.info.id,
                "digest": str(getattr(self._inner, "digest", "")),
            }
            folder = self._folder
            if folder is not None and identity["digest"]:
                name = hashlib.sha256("\n".join(identity.values()).encode()).hexdigest()[:16]
                folder = folder / name
            else:
                folder = None
            try:
                self._opened = VectorStore(folder, identity)
            except OSError as error:
                self._no_room(error)
                self._opened = VectorStore(None, identity)
            self._tell_skipped()
        return self._opened

    @property
    def dimension(self) -> int:
        """Numbers of a vector; 0 where none is known yet."""
        waiting = next(iter(self._waiting.values()), ())
        return self._store.dimension or len(waiting)

    def missing(self, keys: Any) -> Any:
        """Positions of keys that nothing is kept for."""
        np = _numpy()
        store = self._store
        absent = np.flatnonzero(store.find(keys).shard < 0)
        if len(absent) and store.refresh():
            self._tell_skipped()
            absent = np.flatnonzero(store.find(keys).shard < 0)
        if self._waiting:
            absent = absent[[key not in self._waiting for key in keys[absent].tolist()]]
        return absent

    def known(self, keys: Any) -> tuple[Any, Any]:
        """Kept vectors in the order of their keys, and positions of what is missing."""
        np = _numpy()
        store = self._store
        found = store.find(keys)
        if (found.shard < 0).any() and store.refresh():
            self._tell_skipped()
            found = store.find(keys)
        out = np.empty((len(keys), self.dimension), dtype="float32")
        lost = store.rows(found, out)
        damaged = int((lost & (found.shard >= 0)).sum())
        if damaged:
            self._tell(f"{damaged} kept vectors are damaged and are made again.")
        for at in np.flatnonzero(lost) if self._waiting else ():
            waiting = self._waiting.get(bytes(keys[at]))
            if waiting is not None:
                out[at], lost[at] = waiting, False
        return out, np.flatnonzero(lost)

    def keep(self, keys: Any, rows: Any) -> None:
        """Keep fresh vectors: at once, or with the next ones where they are few."""
        if not self._waiting:
            self._since = time.monotonic()
        if len(keys) < SMALL:
            self._waiting |= dict(zip(keys.tolist(), rows, strict=True))
        else:
            self._add(keys, rows)
        if len(self._waiting) >= SMALL or time.monotonic() - self._since > MOMENT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            np = _numpy()
            keys = np.array(list(self._waiting), dtype=KEY_TYPE)
            rows = np.stack(list(self._waiting.values()))
            self._waiting.clear()
            self._add(keys, rows)

    def _add(self, keys: Any, rows: Any) -> None:
        try:
            self._store.add(keys, rows)
        except OSError as error:
            self._no_room(error)
            self._store.folder = None
            self._store.add(keys, rows)

    def _no_room(self, error: OSError) -> None:
        self._tell(
            f"Vectors cannot be kept in {self._folder}: {error.strerror or error}. Another run "
            "embeds these texts again; ADVISOR_CACHE names another place."
        )

    def _tell_skipped(self) -> None:
        store = self._store
        fresh = len(store.skipped) - self._skipped
        if fresh:
            self._skipped += fresh
            self._tell(
                f"{fresh} files of kept vectors are damaged or foreign and were passed over "
                f"({store.folder}); what they held is embedded again."
            )

    def _tell(self, sentence: str) -> None:
        self.notes.append(sentence)
        if self._say is not None:
            self._say(sentence)


def _keys(texts: Sequence[str], role: bytes) -> Any:
    """Digests of texts, by the role they are embedded in."""
    found = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=role).digest()
        for text in texts
    )
    np = _numpy()
    return np.frombuffer(b"".join(found), dtype=KEY_TYPE)


def _numpy() -> Any:
    try:
        import numpy as np  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("Embedding", "rag") from error
    return np
