"""Digest of a model's files: two models with one digest answer alike."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

EDGE_BYTES = 4 << 20
DIGESTED = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.bin")


def digest_of(folders: tuple[Path, ...], config: Any) -> str:
    """SHA-256 over names, sizes and both ends of every file; of a hub id, over its commit."""
    digest = hashlib.sha256()
    if not folders:
        commit = getattr(config, "_commit_hash", None)
        digest.update(f"{config._name_or_path}@{commit}".encode())  # noqa: SLF001
    for folder in folders:
        for path in sorted({p for pattern in DIGESTED for p in folder.glob(pattern)}):
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as stream:
                digest.update(stream.read(EDGE_BYTES))
                if size > EDGE_BYTES:
                    stream.seek(max(EDGE_BYTES, size - EDGE_BYTES))
                    digest.update(stream.read())
    return digest.hexdigest()[:16]
