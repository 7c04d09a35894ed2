"""Indexes on disk: vectors, keys and a manifest per folder, never a text, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import StorageError
from rag_baseline.vectors.approximate import Approximate
from rag_baseline.vectors.dense import REUSED, Dense
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.vectors.vector_store import VectorStore, linked_or_copied, opened

FORMAT = 3
MANIFEST = "manifest.json"
KEYS = "keys.npy"
APPROXIMATE = "approximate.faiss"
KEPT = 8
"""Indexes that stay in one cache folder, the last used ones."""
SEEN = 2**16
"""Bytes at either end of a file that its digest covers."""
DAMAGE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError)


@dataclass(frozen=True)
class IndexFolder:
    """The indexes of one embedder in a cache folder."""

    cache: Path
    embedder: str
    """What identifies the embedder."""

    def place(self, digest: str) -> Path:
        """Where the index of that digest lies."""
        return self.cache / f"index-{digest}"

    def opened(self, digest: str) -> Dense | None:
        """A stored index, mapped; None where it is absent, damaged or of another make."""
        return self._opened(self.place(digest))

    def relative(self, keys: Any) -> Dense | None:
        """The stored index that shares most passages, where it has enough of them."""
        np = numpy()
        best, most = None, REUSED * len(keys)
        for folder in self._folders():
            try:
                if self._manifest(folder) is None:
                    continue
                shared = int(np.isin(keys, np.load(folder / KEYS, allow_pickle=False)).sum())
            except DAMAGE:
                continue
            if shared >= most:
                best, most = folder, shared
        return None if best is None else self._opened(best)

    def _folders(self) -> list[Path]:
        """Every stored index, the last used first."""
        found = [path for path in self.cache.glob("index-*") if (path / MANIFEST).is_file()]
        return sorted(found, key=_last_use, reverse=True)

    def _manifest(self, folder: Path) -> dict[str, Any] | None:
        """What a folder says of itself, if it is of our make and its files are as written."""
        try:
            read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            is_ours = read["format"] == FORMAT and read["embedder"] == self.embedder
            files: dict[str, str] = read["files"] if is_ours else {}
            is_whole = all(_fingerprint(folder / name) == seen for name, seen in files.items())
        except DAMAGE:
            return None
        return read if is_ours and is_whole else None

    def _opened(self, folder: Path) -> Dense | None:
        manifest = self._manifest(folder)
        if manifest is None:
            return None
        try:
            dense = _dense(folder, manifest)
            os.utime(folder / MANIFEST)
        except DAMAGE:
            return None
        return dense

    @contextlib.contextmanager
    def scratch(self, digest: str) -> Iterator[Path]:
        """A folder to build in, gone afterwards unless it was stored. Raises StorageError."""
        path = self.cache / f".index-{digest}.{platform.node()}.{os.getpid()}"
        try:
            self._sweep()
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True, mode=0o700)
            yield path
        except OSError as error:
            raise StorageError(
                f"The passage index cannot be stored: {error}.",
                hint="Free some space or make the folder writable; nothing half-written was left.",
                where=str(self.place(digest)),
            ) from error
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _sweep(self) -> None:
        """Take away what processes of this machine left that were killed while building."""
        for path in self.cache.glob(f".index-*.{platform.node()}.*"):
            if not _is_running(path.name.rpartition(".")[2]):
                shutil.rmtree(path, ignore_errors=True)

    def store(self, digest: str, dense: Dense, facts: dict[str, Any], scratch: Path) -> Dense:
        """Put the index where it is found again and give it back, mapped.

        Raises OSError; then nothing is left in its place.
        """
        finished = scratch / "finished"
        finished.mkdir(mode=0o700)
        for number, piece in enumerate(dense.store.pieces):
            _place(piece, finished / f"vectors-{number}.npy")
        numpy().save(finished / KEYS, dense.keys, allow_pickle=False)
        if dense.approximate is not None:
            dense.approximate.save(finished / APPROXIMATE)
        files = {path.name: _fingerprint(path) for path in sorted(finished.iterdir())}
        head = {"format": FORMAT, "digest": digest, "embedder": self.embedder}
        manifest = {**head, **facts, "files": files}
        (finished / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in finished.iterdir():
            _sync(path)
        folder = self.place(digest)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            finished.rename(folder)
        except OSError:
            made_meanwhile = self._opened(folder)
            if made_meanwhile is None:
                raise
            return made_meanwhile
        for old in self._folders()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return _dense(folder, manifest)


def _dense(folder: Path, manifest: dict[str, Any]) -> Dense:
    pieces = [opened(folder / f"vectors-{number}.npy") for number in range(manifest["pieces"])]
    keys = numpy().load(folder / KEYS, allow_pickle=False)
    store = VectorStore(pieces)
    if len(keys) != len(store):
        raise ValueError(KEYS)
    approximate = None
    if manifest["kind"] != "exact":
        approximate = Approximate.opened(folder / APPROXIMATE, manifest["kind"], manifest["effort"])
    return Dense(
        store,
        keys,
        approximate,
        trained_on=manifest["trained_on"],
        stated=manifest["recall_stated"],
        recall=manifest["recall_at_10"],
    )


def _place(piece: Any, path: Path) -> None:
    """A piece under its new name: a further link to its file where it has one, else a copy."""
    source = getattr(piece, "filename", None)
    if source is not None:
        with contextlib.suppress(OSError):
            linked_or_copied(Path(source), path)
            return
    numpy().save(path, piece, allow_pickle=False)


def _fingerprint(path: Path) -> str:
    """Size of a file and a digest of its ends."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        digest = hashlib.sha256(stream.read(SEEN))
        stream.seek(max(0, size - SEEN))
        digest.update(stream.read(SEEN))
    return f"{size}:{digest.hexdigest()[:16]}"


def _last_use(folder: Path) -> float:
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
