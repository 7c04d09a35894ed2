"""The reader of Markdown and text in UTF-8 that needs no plugin."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import DocumentReader, PluginInfo
from advisor.errors import CorpusError
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document


class PlainTextReader:
    """One document per file, as it stands."""

    info = PluginInfo(id="text", label="text in UTF-8")
    suffixes = (".md", ".markdown", ".txt")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The text; none where there is only white space. Raises CorpusError."""
        try:
            text = path.read_text(encoding="utf-8-sig").replace("\x00", "")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise CorpusError(
                f"{name} is not UTF-8 (line {line}).",
                hint="Save it as UTF-8 or take it out of the folder.",
                where=f"{path}:{line}",
            ) from None
        except OSError as error:
            raise CorpusError(
                f"{name} cannot be read: {error.strerror or error}.",
                hint="Check its permissions.",
                where=str(path),
            ) from None
        found = (Document(name=name, text=text),) if text.strip() else ()
        return ReadDocuments(documents=found)


PLAIN: dict[str, DocumentReader] = dict.fromkeys(PlainTextReader.suffixes, PlainTextReader())
