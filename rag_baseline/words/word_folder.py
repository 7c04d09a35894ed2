"""Word indexes on disk: hashes and numbers, never a word, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from advisor.errors import StorageError
from rag_baseline.cache_folder import locked, taken_away
from rag_baseline.words.postings import Postings

MANIFEST = "manifest.json"
FILES = "files"
KEPT = 8
"""Indexes that stay in one cache folder, the last made ones."""


def opened(folder: Path, facts: dict[str, Any]) -> Postings | None:
    """The stored index of these facts, or None where it is absent, damaged or of another make."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = found.pop(FILES)
        if found != facts or files != _digests(folder, files):
            return None
        return Postings.open(folder, facts["passages"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def store(folder: Path, postings: Postings, facts: dict[str, Any]) -> None:
    """Write the index beside its place and rename it, so that it is there whole or not at all.

    Raises StorageError.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        names = postings.save(temporary)
        manifest = {**facts, FILES: _digests(temporary, names)}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in temporary.iterdir():
            _sync(path)
        with locked(folder.parent):
            if opened(folder, facts) is None:
                taken_away(folder)
                temporary.rename(folder)
            _tidy(folder)
    except OSError as error:
        raise StorageError(
            f"The word index cannot be stored: {error}.",
            hint="Free some space or make the folder writable; nothing half-written was left.",
            where=str(folder),
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _digests(folder: Path, names: Any) -> dict[str, str]:
    found = {}
    for name in names:
        with (folder / Path(name).name).open("rb") as stream:
            found[name] = hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
    return found


def _tidy(newest: Path) -> None:
    """Older indexes beyond those that stay go."""
    kind = newest.name.split("-", maxsplit=1)[0]
    made = sorted(
        (path for path in newest.parent.glob(f"{kind}-*") if (path / MANIFEST).is_file()),
        key=_made_at,
    )
    for old in [path for path in made if path != newest][: max(0, len(made) - KEPT)]:
        taken_away(old)


def _made_at(folder: Path) -> float:
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
