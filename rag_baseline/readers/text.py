"""Plain text: notes, logs, reStructuredText, in any encoding."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers.decoding import decoded
from rag_baseline.readers.headings import first_heading
from rag_baseline.readers.source import content_of


class TextReader:
    """One document per file, its text as it stands."""

    info = PluginInfo(id="text", label="plain text, any encoding")
    suffixes = (".txt", ".text", ".log", ".rst")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text; none where there is only white space. Raises CorpusError, MissingExtraError."""
        found = decoded(content_of(path, name), name)
        if not found.text.strip():
            return ReadDocuments(documents=(), notes=found.notes)
        title = first_heading(found.text) if path.suffix.lower() == ".rst" else ""
        metadata = {"title": title} if title else {}
        document = Document(name=name, text=found.text, metadata=metadata)
        return ReadDocuments(documents=(document,), notes=found.notes)
