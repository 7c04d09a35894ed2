"""Back room: looks into a packed document before anything of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from advisor.errors import CorpusError
from rag_baseline.readers.source import as_title

MOST_PARTS = 10_000
LARGEST_PART = 1 << 25
LARGEST_WHOLE = 1 << 29
"""Bytes when unpacked: 32 MiB of text, 512 MiB with pictures."""
RATIO = 200
RATIO_FROM = 1 << 20
"""XML of a document packs ten- to hundredfold; small parts say nothing."""
HEAD = 1 << 16


def look_into(path: Path, name: str, needed: str) -> tuple[str, ...]:
    """Names of the parts; raises CorpusError for a broken, hostile or other archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _refuse_bomb(parts, path, name)
            names = tuple(part.filename for part in parts)
            if needed not in names:
                raise CorpusError(
                    f"{name} is a zip archive without {needed}: no Word document.",
                    hint="Archives are not opened; unpack it and give what is in it.",
                    where=str(path),
                )
            _refuse_entities(archive, parts, path, name)
            return names
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
    ) as error:
        raise broken(path, name, error) from None
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise broken(path, name, error) from None


def broken(path: Path, name: str, error: Exception) -> CorpusError:
    """The refusal of a document that its library cannot read."""
    cause = as_title(str(error))[:120].rstrip(".") or type(error).__name__
    return CorpusError(
        f"{name} is broken and cannot be read: {cause}.",
        hint="Open it in Word and save it anew, or take it out.",
        where=str(path),
    )


def _refuse_bomb(parts: list[zipfile.ZipInfo], path: Path, name: str) -> None:
    whole = sum(part.file_size for part in parts)
    worst = max(
        (p.file_size / max(p.compress_size, 1) for p in parts if p.file_size > RATIO_FROM),
        default=0.0,
    )
    text = max((p.file_size for p in parts if p.filename.endswith((".xml", ".rels"))), default=0)
    if len(parts) > MOST_PARTS or whole > LARGEST_WHOLE or text > LARGEST_PART or worst > RATIO:
        raise CorpusError(
            f"{name} would unpack to {whole >> 20:,} MiB from {path.stat().st_size:,} bytes; it is"
            " not opened.",
            hint="Documents do not pack so tightly: take it out, or save it anew.",
            where=str(path),
        )


def _refuse_entities(
    archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], path: Path, name: str
) -> None:
    """A document type with entities is no part of the format, and a way to fill the memory."""
    for part in parts:
        if not part.filename.endswith((".xml", ".rels")):
            continue
        with archive.open(part) as stream:
            head = stream.read(HEAD).replace(b"\x00", b"").upper()
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise CorpusError(
                f"{name} declares entities in {part.filename}; it is not opened.",
                hint="Open it in Word and save it anew, or take it out.",
                where=str(path),
            )
