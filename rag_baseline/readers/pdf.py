"""PDF files: the text of their pages, with pages that have none told by their numbers."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.errors import CorpusError, MissingExtraError
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers._pages import Pages, pages_of
from rag_baseline.readers.source import as_title, clean

SENTENCE_ENDS = (".", "!", "?", ":", ";", '"', "”", "»", "。")
RUNS_SHOWN = 10
OCR = "Run it through OCR (for example ocrmypdf) and give the result."
LIGATURES = str.maketrans({
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\ufb05": "st", "\ufb06": "st",
})  # fmt: skip
"""One sign for several letters, as typesetting has it and no question."""


class PdfReader:
    """One document per file; `page_starts` tells where in its text each page begins."""

    info = PluginInfo(id="pdf", label="text of PDF pages", extra="docs")
    suffixes = (".pdf",)

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text of all pages. Raises CorpusError, for scans too; MissingExtraError."""
        try:
            found = pages_of(path, name)
        except ImportError:
            raise MissingExtraError(f"Reading {name}", self.info.extra) from None
        texts = [clean(text.translate(LIGATURES)).strip("\n") for text in found.texts]
        silent = [number for number, text in enumerate(texts, start=1) if not text.strip()]
        if len(silent) == len(texts):
            raise _no_text(found, path, name)
        text, starts = _joined(texts)
        metadata = {"pages": str(len(texts)), "page_starts": " ".join(map(str, starts))}
        if title := _title(found.title, path):
            metadata["title"] = title
        document = Document(name=name, text=text, metadata=metadata)
        notes = (f"{name}: {note}" for note in (*_silent_note(silent, found), *found.notes))
        return ReadDocuments(documents=(document,), notes=tuple(notes))


def _joined(texts: list[str]) -> tuple[str, list[int]]:
    """All pages as one text; a page that ends inside a sentence goes on without a blank line."""
    pieces: list[str] = []
    starts: list[int] = []
    length = 0
    for place, text in enumerate(texts):
        starts.append(length)
        pieces.append(text)
        length += len(text)
        if place + 1 < len(texts):
            is_open = bool(text) and not text.rstrip().endswith(SENTENCE_ENDS)
            pieces.append("\n" if is_open else "\n\n")
            length += len(pieces[-1])
    return "".join(pieces), starts


def _no_text(found: Pages, path: Path, name: str) -> CorpusError:
    count = len(found.texts)
    if not count:
        return CorpusError(f"{name} has no pages.", hint="Take it out.", where=str(path))
    if any(found.has_picture):
        pages = "its page is a picture" if count == 1 else f"its {count} pages are pictures"
        return CorpusError(
            f"{name} is a scan: {pages} without text, which needs OCR.", hint=OCR, where=str(path)
        )
    return CorpusError(
        f"{name} has no text on any of its pages ({count}).",
        hint=f"Letters drawn as lines cannot be read. {OCR}",
        where=str(path),
    )


def _silent_note(silent: list[int], found: Pages) -> tuple[str, ...]:
    if not silent:
        return ()
    scans = [number for number in silent if found.has_picture[number - 1]]
    why = f"; scans among them ({runs(scans)}) need OCR" if scans else ""
    pages = "page has" if len(silent) == 1 else "pages have"
    return (f"{len(silent)} of {len(found.texts)} {pages} no text: {runs(silent)}{why}.",)


def runs(numbers: list[int]) -> str:
    """'1, 3-5': numbers as runs."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    shown = ["-".join(map(str, run)) for run in found[:RUNS_SHOWN]]
    more = len(found) - RUNS_SHOWN
    return ", ".join([*shown, f"and {more} more"] if more > 0 else shown)


def _title(told: str, path: Path) -> str:
    """What the file says is its title, unless a program wrote a file name there."""
    title = as_title(told)
    is_name = title.lower().endswith((".doc", ".docx", ".pdf", ".tex", ".indd", ".dvi", ".qxd"))
    return "" if is_name or title.lower() in ("untitled", path.stem.lower()) else title
