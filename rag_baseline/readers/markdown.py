"""Markdown: the text as it stands; what its front matter says is metadata and opens the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from advisor.contracts import PluginInfo
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers.decoding import decoded
from rag_baseline.readers.headings import first_heading
from rag_baseline.readers.source import as_title, clean, content_of

LONGEST_FRONT_MATTER = 20_000
ITEMS = 50
MOST_LOOKED_AT = 1000
"""Values of a front matter that are looked at: one may stand for very many."""
_NOTHING = ("", "~", "null")
_FRONT = re.compile(r"---[ \t]*\n(?P<matter>.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)


class MarkdownReader:
    """One document per file."""

    info = PluginInfo(id="markdown", label="Markdown with front matter")
    suffixes = (".md", ".markdown", ".mdx")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text; none where there is only white space. Raises CorpusError, MissingExtraError."""
        found = decoded(content_of(path, name), name)
        told, body, metadata, notes = _parted(found.text, name)
        text = f"{told}\n{body}" if told else body
        notes = (*found.notes, *notes)
        if not text.strip():
            return ReadDocuments(documents=(), notes=notes)
        title = metadata.get("title") or first_heading(body)
        if title:
            metadata["title"] = title
        document = Document(name=name, text=text, metadata=metadata)
        return ReadDocuments(documents=(document,), notes=notes)


class _Parted(NamedTuple):
    """A file's front matter and the rest."""

    told: str
    """What the front matter says, a line each: `key: value`."""
    body: str
    metadata: dict[str, str]
    notes: tuple[str, ...] = ()


def _parted(text: str, name: str) -> _Parted:
    """What the front matter says, the text behind it, and what to remark."""
    front = _FRONT.match(text, 0, LONGEST_FRONT_MATTER)
    if front is None or not front["matter"]:
        return _Parted("", text, {})
    entries = _entries(front["matter"])
    if entries is None:
        note = f"{name}: the front matter is no YAML and stays in the text."
        return _Parted("", text, {}, (note,))
    if not isinstance(entries, dict):
        return _Parted("", text, {})
    metadata = {
        as_title(str(key)): told for key, value in entries.items() if (told := _told(value))
    }
    facts = _facts(_entries(front["matter"], as_written=True), iter(range(MOST_LOOKED_AT)))
    told = "".join(f"{key}: {value}\n" for key, value in facts)
    return _Parted(told[:LONGEST_FRONT_MATTER], text[front.end() :], metadata)


def _facts(entries: object, looks: Iterator[int], above: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values as they are written, those of nested entries too, as `above.key`."""
    if not isinstance(entries, dict):
        return
    for key, value in entries.items():
        name = f"{above}.{as_title(str(key))}".removeprefix(".")
        values = value[:ITEMS] if isinstance(value, list) else [value]
        scalars = [" ".join(clean(_scalar(one)).split()) for one in values]
        if told := ", ".join(one for one in scalars if one.casefold() not in _NOTHING):
            yield name, told
        for one in values:
            if next(looks, None) is None:
                return
            yield from _facts(one, looks, name)


def _entries(matter: str, *, as_written: bool = False) -> object:
    """The front matter as YAML gives it, or with its scalars as they stand; None where none is."""
    import yaml  # noqa: PLC0415 - only for files with front matter

    kind = "BaseLoader" if as_written else "SafeLoader"
    try:
        return yaml.load(matter, Loader=getattr(yaml, f"C{kind}", getattr(yaml, kind)))  # noqa: S506 - safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _told(value: object) -> str:
    """A scalar or a list of them as one line; empty for what is nested."""
    if isinstance(value, list):
        return as_title(", ".join(filter(None, map(_scalar, value[:ITEMS]))))
    return as_title(_scalar(value))


def _scalar(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list | set) else str(value)
