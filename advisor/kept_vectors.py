"""What the folder of kept vectors holds, and how it is emptied; no vector is opened for that."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from advisor.errors import StorageError
from advisor.vectors import FORMAT, KEYS, LOCK, MANIFEST, ROWS

KEY_BYTES = 16
SECONDS_OF_A_DAY = 86_400.0


class KeptVectors(NamedTuple):
    """What is kept of all embedders."""

    embedders: dict[str, int]
    """Vectors by embedder and the beginning of its digest."""
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
