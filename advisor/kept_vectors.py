"""What the folders of kept vectors and indexes hold, and how they are emptied; none is opened."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from advisor.errors import StorageError
from advisor.vectors import FORMAT, KEYS, LEFT_SECONDS, LOCK, MANIFEST, ROWS

KEY_BYTES = 16
SECONDS_OF_A_DAY = 86_400.0
SEARCHED = "cache"
"""Where `docs search` keeps its indexes, beside the vectors."""
INDEX = re.compile(r"(?:index|bm25)-[0-9a-f]{16}")
UNFINISHED = re.compile(r"\.(?:index|bm25)-[0-9a-f]{16}\..+")
"""An index while it is made; what is left of one that was killed."""
FILES = "files"


class KeptVectors(NamedTuple):
    """What is kept of all embedders."""

    embedders: dict[str, int]
    """Vectors by embedder and the beginning of its digest."""
    bytes: int


class KeptIndexes(NamedTuple):
    """What is kept of searches."""

    indexes: int
    bytes: int


def kept_vectors(root: Path) -> KeptVectors:
    """What the folder holds; nothing where it is not there or holds other things."""
    counts: Counter[str] = Counter()
    size = 0
    for folder, name in _folders(root):
        for path in folder.iterdir():
            size += path.stat().st_size
            if path.name.endswith(KEYS):
                counts[name] += _length(path)
    return KeptVectors(dict(sorted(counts.items())), size)


def clear_vectors(root: Path, *, older_than_days: float | None = None) -> int:
    """Delete kept vectors, or those written before so many days; how many there were.

    A folder is touched only where a manifest says that it is ours. Raises StorageError.
    """
    before = time.time() - (older_than_days or 0) * SECONDS_OF_A_DAY
    gone = 0
    for folder, _ in _folders(root):
        try:
            for path in sorted(folder.glob(f"*{KEYS}")):
                if older_than_days is None or path.stat().st_mtime < before:
                    gone += _length(path)
                    path.unlink()
                    path.with_name(path.name.removesuffix(KEYS) + ROWS).unlink(missing_ok=True)
            if older_than_days is None:
                _remove(folder)
        except OSError as error:
            raise StorageError(
                f"Kept vectors cannot be deleted: {error.strerror or error}.",
                hint="Make the folder writable.",
                where=str(folder),
            ) from error
    return gone


def kept_indexes(root: Path) -> KeptIndexes:
    """Indexes of documents that were searched; those that were never finished count as well."""
    found = [*_indexes(root), *_unfinished(root)]
    size = sum(path.stat().st_size for one in found for path in one.rglob("*") if path.is_file())
    return KeptIndexes(len(found), size)


def clear_indexes(root: Path, *, older_than_days: float | None = None) -> int:
    """Delete indexes, or those last used before so many days; how many there were.

    A folder is touched only where its name and its manifest say that it is ours, and a file only
    where the manifest names it. Raises StorageError.
    """
    before = time.time() - (older_than_days or 0) * SECONDS_OF_A_DAY
    gone = 0
    for folder in (*_indexes(root), *_unfinished(root)):
        try:
            manifest = folder / MANIFEST
            used = manifest if manifest.is_file() else folder
            if older_than_days is not None and used.stat().st_mtime >= before:
                continue
            if UNFINISHED.fullmatch(folder.name):
                shutil.rmtree(folder)
            else:
                _remove_index(folder)
        except OSError as error:
            raise StorageError(
                f"Kept indexes cannot be deleted: {error.strerror or error}.",
                hint="Make the folder writable.",
                where=str(folder),
            ) from error
        gone += 1
    return gone


def _indexes(root: Path) -> Iterator[Path]:
    for folder in sorted((root / SEARCHED).glob("*")):
        is_named = bool(INDEX.fullmatch(folder.name)) and not folder.is_symlink()
        if is_named and _files_of(folder) is not None:
            yield folder


def _unfinished(root: Path) -> Iterator[Path]:
    """Those that nobody works on any more."""
    before = time.time() - LEFT_SECONDS
    for folder in sorted((root / SEARCHED).glob(".*")):
        is_folder = folder.is_dir() and not folder.is_symlink()
        is_unfinished = is_folder and bool(UNFINISHED.fullmatch(folder.name))
        if is_unfinished and folder.stat().st_mtime < before:
            yield folder


def _files_of(folder: Path) -> list[str] | None:
    """Names of an index's own files; None for what is no index."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return [Path(name).name for name in found[FILES]] if found["format"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove_index(folder: Path) -> None:
    """An index's files, the manifest last, and the folder where nothing else is in it."""
    for name in (*(_files_of(folder) or ()), MANIFEST):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _folders(root: Path) -> list[tuple[Path, str]]:
    """Folders of vectors with the name of their embedder."""
    found = []
    for manifest in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            told = json.loads(manifest.read_text(encoding="utf-8"))
            name = f"{told['embedder']} {told['digest'][:8]}"
            is_ours = told["format"] == FORMAT
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if is_ours:
            found.append((manifest.parent, name))
    return found


def _length(keys: Path) -> int:
    """Keys in a file, by its size; the head of such a file says how long it is itself."""
    with keys.open("rb") as stream:
        head = stream.read(10)
    return max(keys.stat().st_size - 10 - int.from_bytes(head[8:10], "little"), 0) // KEY_BYTES


def _remove(folder: Path) -> None:
    """What is left of a folder of ours, and the folder where nothing else is in it."""
    for path in folder.iterdir():
        if path.name in (MANIFEST, LOCK) or path.name.endswith((KEYS, ROWS)):
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
