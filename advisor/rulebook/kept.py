"""The shipped rules as they were last read, kept in the user's cache so that no YAML is parsed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from pathlib import Path

from pydantic import ValidationError

from advisor import __version__
from advisor.resources import rules_root, user_cache_root
from advisor.schema.rule import Rulebook

OFF = "ADVISOR_RULES_CACHE"
"""Environment variable; `off` reads the rule files at every start and writes nothing."""
_PACKAGE = Path(__file__).resolve().parent.parent
_CODE = ("rulebook", "schema")
"""Folders whose code decides what the files mean."""


def kept(root: Path, digest: str) -> Rulebook | None:
    """The rulebook of these very files, read by this very code; None where it must be read anew.

    A cache that is stale or broken is no error.
    """
    if not _is_kept(root):
        return None
    try:
        state, _, body = _place(root).read_text(encoding="utf-8").partition("\n")
        return Rulebook.model_validate_json(body) if state == _state(digest) else None
    except (OSError, ValueError, ValidationError):
        return None


def keep(root: Path, rulebook: Rulebook) -> None:
    """Replace the file whole; a cache that cannot be written is done without."""
    if not _is_kept(root):
        return
    place = _place(root)
    temporary = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
    body = rulebook.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    with contextlib.suppress(OSError):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(f"{_state(rulebook.digest)}\n{text}", encoding="utf-8")
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


def _is_kept(root: Path) -> bool:
    """Only the shipped folder is kept; another is read as often as somebody asks for it."""
    return os.environ.get(OFF, "").lower() != "off" and root == rules_root()


def _place(root: Path) -> Path:
    """One file per installation."""
    return user_cache_root() / "rules" / f"{zlib.crc32(str(root).encode()):08x}.json"


def _state(digest: str) -> str:
    """Version, rule files and the code that reads them."""
    parts = [__version__, digest]
    for folder in _CODE:
        with os.scandir(_PACKAGE / folder) as found:
            files = sorted((e.name, e.stat()) for e in found if e.name.endswith(".py"))
        parts += [f"{name}:{told.st_size}:{told.st_mtime_ns}" for name, told in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
