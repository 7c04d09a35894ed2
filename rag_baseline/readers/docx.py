"""Word documents: headings, lists, tables and notes as Markdown."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.errors import CorpusError, MissingExtraError
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers._archive import look_into
from rag_baseline.readers._markup import page_of
from rag_baseline.readers._word import html_of
from rag_baseline.readers.source import LARGEST_BYTES, counted

MAIN_PART = "word/document.xml"
EMBEDDED = "word/embeddings/"


class DocxReader:
    """One document per file."""

    info = PluginInfo(id="docx", label="Word documents as Markdown", extra="docs")
    suffixes = (".docx", ".docm")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text; none where there is none. Raises CorpusError, MissingExtraError."""
        _refuse_other(path, name)
        parts = look_into(path, name, MAIN_PART)
        try:
            html, pictures = html_of(path, name)
            page = page_of(html)
        except ImportError:
            raise MissingExtraError(f"Reading {name}", self.info.extra) from None
        embedded = sum(part.startswith(EMBEDDED) for part in parts)
        told = (
            f"{name}: {counted(pictures, 'picture')} left out." if pictures else "",
            f"{name}: {counted(embedded, 'embedded file')} not opened." if embedded else "",
        )
        notes = tuple(note for note in told if note)
        if not page.text.strip():
            return ReadDocuments(documents=(), notes=notes)
        metadata = {"title": page.title} if page.title else {}
        document = Document(name=name, text=page.text, metadata=metadata)
        return ReadDocuments(documents=(document,), notes=notes)


def _refuse_other(path: Path, name: str) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise CorpusError(
            f"{name} cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
            where=str(path),
        ) from None
    if not head.startswith(b"PK") or size > LARGEST_BYTES:
        raise CorpusError(
            f"{name} is no Word document, whatever its name says."
            if size <= LARGEST_BYTES
            else f"{name} is larger than {LARGEST_BYTES >> 20} MiB.",
            hint="Name it after what it is, or save it as .docx.",
            where=str(path),
        )
