"""What a file is by its first bytes, and why some kinds are not read as documents."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

HEAD = 4096
READABLE = {"pdf": ".pdf", "docx": ".docx", "html": ".html"}
"""Kinds that are read whatever the file is called, with the ending of their reader."""
CALLED = {"pdf": "a PDF", "docx": "a Word document", "html": "a web page"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A kind of file that is not read, and what to do instead."""

    what: str
    hint: str


ARCHIVE = Refused("an archive, and archives are not opened", "Unpack it and give the folder.")
PICTURE = Refused("a picture without text to read", "Run it through OCR and give the text.")
OLD_OFFICE = Refused("an Office file of the old kind", "Save it as .docx, .pdf or .csv.")
SHEET = Refused("a spreadsheet", "Save each sheet as .csv.")
SLIDES = Refused("a presentation", "Save it as .pdf.")
OPEN_TEXT = Refused("an OpenDocument or e-book file", "Save it as .docx, .html or .pdf.")
RICH_TEXT = Refused("a file in Rich Text Format", "Save it as .docx or .txt.")
SOUND = Refused("sound or film", "Give a transcript.")
PROGRAM = Refused("a program or a database", "Take it out.")
DATA = Refused("a data set, not a document", "Give it with --data, or save its texts as .csv.")

BY_BYTES: tuple[tuple[bytes, Refused], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_OFFICE),
    (b"{\\rtf", RICH_TEXT),
    (b"\x1f\x8b", ARCHIVE),
    (b"PK\x05\x06", ARCHIVE),
    (b"\xfd7zXZ\x00", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!\x1a\x07", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),
    (b"\x89PNG\r\n", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF87a", PICTURE),
    (b"GIF89a", PICTURE),
    (b"II*\x00", PICTURE),
    (b"MM\x00*", PICTURE),
    (b"8BPS", PICTURE),
    (b"ID3\x03", SOUND),
    (b"ID3\x04", SOUND),
    (b"OggS", SOUND),
    (b"fLaC", SOUND),
    (b"\x7fELF", PROGRAM),
    (b"SQLite format 3\x00", PROGRAM),
)
BY_ENDING: dict[str, Refused] = {
    **dict.fromkeys((".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst"), ARCHIVE),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".svg", ".heic"),
        PICTURE,
    ),
    **dict.fromkeys((".doc", ".xls", ".ppt", ".msg"), OLD_OFFICE),
    **dict.fromkeys((".xlsx", ".xlsm", ".ods"), SHEET),
    **dict.fromkeys((".pptx", ".odp"), SLIDES),
    **dict.fromkeys((".odt", ".epub", ".pages"), OPEN_TEXT),
    ".rtf": RICH_TEXT,
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather"), DATA),
    **dict.fromkeys((".mp3", ".mp4", ".wav", ".mov", ".avi", ".mkv", ".webm"), SOUND),
}
_RIFF = {b"WEBP": PICTURE, b"WAVE": SOUND, b"AVI ": SOUND}


def kind_by_content(path: Path, head: bytes) -> str | Refused:
    """A readable kind, why it is refused, or an empty text where the bytes tell nothing."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _packed(path)
    refused = _by_bytes(head)
    if refused is not None:
        return refused
    return "html" if _is_page(head) else ""


def _by_bytes(head: bytes) -> Refused | None:
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[257:262] == b"ustar" or (head[:3] == b"BZh" and head[4:8] == b"1AY&"):
        return ARCHIVE
    if head[4:8] == b"ftyp" and head[:2] == b"\x00\x00":
        return SOUND
    return next((refused for mark, refused in BY_BYTES if head.startswith(mark)), None)


def _is_page(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<?xml", b"<!--")):
        start = start[start.find(b">") + 1 :].lstrip()
    return start.startswith((b"<!doctype html", b"<html"))


def _packed(path: Path) -> str | Refused:
    """What a zip holds by the names in it; nothing of it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        is_document = path.suffix.lower() in (".docx", ".docm")
        return "" if is_document else ARCHIVE
    if "word/document.xml" in names:
        return "docx"
    if "xl/workbook.xml" in names:
        return SHEET
    if "ppt/presentation.xml" in names:
        return SLIDES
    return OPEN_TEXT if "mimetype" in names else ARCHIVE
