"""Web pages: headings, lists and tables as Markdown, without scripts, styles and navigation."""

from __future__ import annotations

import re
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.errors import MissingExtraError
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers._markup import page_of
from rag_baseline.readers.decoding import decoded
from rag_baseline.readers.source import content_of

HEAD = 4096
LARGEST_PAGE = 1 << 25
"""32 MiB: a page takes a hundred times its size while it is read."""
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*(?P<name>[A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"'](?P<name>[A-Za-z0-9_.:-]{2,40})[\"']")
ALIASES = {"iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932"}
"""Browsers read these names so."""


class HtmlReader:
    """One document per page."""

    info = PluginInfo(id="html", label="web pages as Markdown", extra="docs")
    suffixes = (".html", ".htm", ".xhtml")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The page; none where it shows no text. Raises CorpusError, MissingExtraError."""
        content = content_of(path, name, largest=LARGEST_PAGE)
        found = decoded(content, name, declared=_declared(content[:HEAD]))
        try:
            page = page_of(found.text)
        except ImportError:
            raise MissingExtraError(f"Reading {name}", self.info.extra) from None
        notes = (*found.notes, *(f"{name}: {note}" for note in page.notes))
        if not page.text.strip():
            return ReadDocuments(documents=(), notes=notes)
        metadata = {"title": page.title} if page.title else {}
        document = Document(name=name, text=page.text, metadata=metadata)
        return ReadDocuments(documents=(document,), notes=notes)


def _declared(head: bytes) -> str:
    """The encoding that the page names; empty for none, and for one it cannot be in."""
    found = _CHARSET.search(head) or _XML.search(head)
    name = found["name"].decode("ascii").lower() if found else ""
    return "" if name.startswith(("utf-16", "utf-32")) else ALIASES.get(name, name)
