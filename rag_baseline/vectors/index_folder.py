"""Indexes on disk: vectors, keys and a manifest per folder, never a text, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import StorageError
from rag_baseline.cache_folder import locked, taken_away
from rag_baseline.vectors.approximate import Approximate
from rag_baseline.vectors.dense import REUSED, Dense
from rag_baseline.vectors.file_state import State, is_as_written, state
from rag_baseline.vectors.vector_libraries import numpy
from rag_baseline.vectors.vector_store import VectorStore, are_unit, linked_or_copied, opened

FORMAT = 4
MANIFEST = "manifest.json"
KEYS = "keys.npy"
APPROXIMATE = "approximate.faiss"
KEPT = 8
"""Indexes that stay in one cache folder, the last used ones."""
SAMPLED = 1000
"""Vectors, evenly spaced, by which an embedder is told to give vectors of length 1."""
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
            files: dict[str, State] = read["files"] if is_ours else {}
            is_whole = all(is_as_written(folder / name, said) for name, said in files.items())
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

        One of the same digest that another process made meanwhile stays and is given back.
        Raises OSError; then nothing is left in its place.
        """
        finished = scratch / "finished"
        finished.mkdir(mode=0o700)
        for number, piece in enumerate(dense.store.pieces):
            _place(piece, finished / f"vectors-{number}.npy")
        numpy().save(finished / KEYS, dense.keys, allow_pickle=False)
        if dense.approximate is not None:
            try:
                dense.approximate.save(finished / APPROXIMATE)
            except FileNotFoundError:
                return dense  # its file went with an older index: it can be searched, not kept
        files = {path.name: state(path) for path in sorted(finished.iterdir())}
        head = {"format": FORMAT, "digest": digest, "embedder": self.embedder}
        manifest = {**head, **facts, "is_unit": _is_unit(dense.store), "files": files}
        (finished / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in finished.iterdir():
            _sync(path)
        with locked(self.cache):
            return self._put(finished, self.place(digest)) or dense

    def _put(self, finished: Path, folder: Path) -> Dense | None:
        """The index under its name, opened; None where it went again at once."""
        made_meanwhile = self._opened(folder)
        if made_meanwhile is not None:
            return made_meanwhile
        taken_away(folder)
        try:
            finished.rename(folder)
        except OSError:
            made_meanwhile = self._opened(folder)
            if made_meanwhile is None:
                raise
            return made_meanwhile
        stored = self._opened(folder)
        for old in [path for path in self._folders() if path != folder][KEPT - 1 :]:
            taken_away(old)
        return stored

    def take_away(self, digest: str) -> None:
        """Remove the index of that digest."""
        with locked(self.cache):
            taken_away(self.place(digest))


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
        is_unit=manifest["is_unit"],
    )


def _place(piece: Any, path: Path) -> None:
    """A piece under its new name: a further link to its file where it has one, else a copy."""
    source = getattr(piece, "filename", None)
    if source is not None:
        with contextlib.suppress(OSError):
            linked_or_copied(Path(source), path)
            return
    numpy().save(path, piece, allow_pickle=False)


def _is_unit(store: VectorStore) -> bool:
    """Whether the vectors have length 1, by some of them."""
    np = numpy()
    rows = np.linspace(0, len(store) - 1, min(len(store), SAMPLED)).astype("int64")
    return are_unit(store.take(rows))


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
