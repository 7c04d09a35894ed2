"""Markdown: the text as it stands, what its front matter says as metadata."""

from __future__ import annotations

import re
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers.decoding import decoded
from rag_baseline.readers.headings import first_heading
from rag_baseline.readers.source import as_title, content_of

LONGEST_FRONT_MATTER = 20_000
ITEMS = 50
_FRONT = re.compile(r"---[ \t]*\n(?P<matter>.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)


class MarkdownReader:
    """One document per file."""

    info = PluginInfo(id="markdown", label="Markdown with front matter")
    suffixes = (".md", ".markdown", ".mdx")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text; none where there is only white space. Raises CorpusError, MissingExtraError."""
        found = decoded(content_of(path, name), name)
        text, metadata, notes = _parted(found.text, name)
        notes = (*found.notes, *notes)
        if not text.strip():
            return ReadDocuments(documents=(), notes=notes)
        title = metadata.get("title") or first_heading(text)
        if title:
            metadata["title"] = title
        document = Document(name=name, text=text, metadata=metadata)
        return ReadDocuments(documents=(document,), notes=notes)


def _parted(text: str, name: str) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """The text behind the front matter, what that says, and what to remark."""
    front = _FRONT.match(text, 0, LONGEST_FRONT_MATTER)
    if front is None or not front["matter"]:
        return text, {}, ()
    entries = _entries(front["matter"])
    if entries is None:
        return text, {}, (f"{name}: the front matter is no YAML and stays in the text.",)
    if not isinstance(entries, dict):
        return text, {}, ()
    metadata = {
        as_title(str(key)): told for key, value in entries.items() if (told := _told(value))
    }
    return text[front.end() :], metadata, ()


def _entries(matter: str) -> object:
    """The front matter as YAML gives it; None where it is none."""
    import yaml  # noqa: PLC0415 - only for files with front matter

    try:
        return yaml.load(matter, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _told(value: object) -> str:
    """A scalar or a list of them as one line; empty for what is nested."""
    if isinstance(value, list):
        return as_title(", ".join(filter(None, map(_scalar, value[:ITEMS]))))
    return as_title(_scalar(value))


def _scalar(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list | set) else str(value)
