"""The catalog as plain data, kept in the user's cache so that a start need not parse YAML."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from advisor import __version__
from advisor.resources import user_cache_root

Plain = dict[str, Any]
OFF = "ADVISOR_CATALOG_CACHE"
"""Environment variable; `off` parses the catalog's files at every start and writes nothing."""
_PACKAGE = Path(__file__).resolve().parent.parent
_CODE = ("catalog", "catalog/architectures", "schema")
"""Folders whose code decides what the files mean."""


def compiled(
    kind: str, files: Sequence[Path], build: Callable[[Path], Iterable[Plain]]
) -> list[Plain]:
    """The entries that `build` makes of the files, in their order.

    They come from the cache when names, sizes and times of the files and of the code that reads
    them are as they were. A cache that is stale, broken or not writable is no error: the files are
    read again, and whatever is wrong with one of them is told with its line.
    """
    if os.environ.get(OFF, "").lower() == "off":
        return [entry for file in files for entry in build(file)]
    place, state = _place(kind, files), _state(files)
    kept = _kept(place, state)
    if kept is not None:
        return kept
    entries = [entry for file in files for entry in build(file)]
    _keep(place, {"state": state, "entries": entries})
    return entries


def _place(kind: str, files: Sequence[Path]) -> Path:
    """One file per kind and installation."""
    folder = str(files[0].parent) if files else ""
    mark = f"{zlib.crc32(folder.encode()):08x}"
    return user_cache_root() / "catalog" / f"{kind}-{mark}.json"


def _state(files: Sequence[Path]) -> str:
    """Version, files and code; times count, so an edit of equal size is noticed."""
    parts = [__version__, _code(_PACKAGE)]
    for file in files:
        found = os.stat(file)  # noqa: PTH116 - a Path's own costs twice as much, a hundred times
        parts.append(f"{file}:{found.st_size}:{found.st_mtime_ns}")
    return "\n".join(parts)


@cache
def _code(package: Path) -> str:
    """Names, sizes and times of the code that reads the catalog's files."""
    found: list[str] = []
    for folder in _CODE:
        with contextlib.suppress(OSError), os.scandir(package / folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    told = entry.stat()
                    found.append(f"{entry.path}:{told.st_size}:{told.st_mtime_ns}")
    return "\n".join(sorted(found))


def _kept(place: Path, state: str) -> list[Plain] | None:
    try:
        content = json.loads(place.read_bytes())
        if content["state"] == state and isinstance(content["entries"], list):
            return content["entries"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def _keep(place: Path, content: Plain) -> None:
    """Replace the file whole; a cache that cannot be written is done without."""
    temporary = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    with contextlib.suppress(OSError):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
