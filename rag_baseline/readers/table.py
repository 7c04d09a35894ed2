"""Tables in text: one document per row, `column: value` line by line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.errors import CorpusError
from advisor.schema.dataset import ReadDocuments
from advisor.schema.evaluation import Document
from rag_baseline.readers.decoding import decoded
from rag_baseline.readers.source import as_title, content_of, counted

LONGEST_CELL = 1 << 24
"""Characters: a quote that never ends would take in the rest of a file as one cell."""
LONGEST_VALUE = 200
"""Characters up to which a cell also stands in the metadata, to filter by."""
LONGEST_HEADING = 100
DELIMITERS = (",", ";", "\t", "|")
ROWS_TRIED = 20
SAMPLE = 1 << 16
_NUMBER = re.compile(r"[-+]?[\d.,:/%€$ -]*\d[\d.,:/%€$ -]*$")


class TableReader:
    """One document per row that holds anything, named `file.csv#1` and so on."""

    info = PluginInfo(id="csv", label="tables, one document per row")
    suffixes = (".csv", ".tsv", ".tab")

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The rows. Raises CorpusError for a quote that never ends, MissingExtraError."""
        found = decoded(content_of(path, name), name)
        if not found.text.strip():
            return ReadDocuments(documents=(), notes=found.notes)
        delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else _delimiter(found.text)
        rows = _rows(found.text, delimiter, path, name)
        first = next(rows, [])
        headings, note = _headings(first)
        table = Table(name, headings)
        if note:
            table.take(first)
        for row in rows:
            table.take(row)
        told = (f"{name}: {each}" for each in (note, table.remark()) if each)
        return ReadDocuments(documents=tuple(table.documents), notes=(*found.notes, *told))


class Table:
    """Takes rows one after another, each as a document of its own."""

    def __init__(self, name: str, headings: list[str]) -> None:
        self.documents: list[Document] = []
        self._name = name
        self._headings = headings
        self._rows = 0
        self._beyond = 0

    def take(self, row: Sequence[str]) -> None:
        """One row; nothing where all its cells are empty."""
        self._rows += 1
        cells = [(self._heading(place), cell.strip()) for place, cell in enumerate(row)]
        filled = [(heading, cell) for heading, cell in cells if cell]
        if not filled:
            return
        self._beyond += len(row) > len(self._headings)
        metadata = {heading: cell for heading, cell in filled if len(cell) <= LONGEST_VALUE}
        title = next((cell for heading, cell in filled if heading.lower() == "title"), "")
        if title:
            metadata["title"] = as_title(title)
        text = "\n".join(f"{heading}: {cell}" for heading, cell in filled)
        named = f"{self._name}#{self._rows}"
        self.documents.append(Document(name=named, text=text, metadata=metadata))

    def _heading(self, place: int) -> str:
        known = place < len(self._headings)
        return self._headings[place] if known else f"column {place + 1}"

    def remark(self) -> str:
        """What is to be said of all rows."""
        if not self._beyond:
            return ""
        return f"{counted(self._beyond, 'row')} with more cells than there are headings."


def _rows(text: str, delimiter: str, path: Path, name: str) -> Iterator[list[str]]:
    """Rows with any cell; raises CorpusError where the quotes are broken."""
    csv.field_size_limit(max(LONGEST_CELL, csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise CorpusError(
                f"{name} is broken from line {begins} on: {error}.",
                hint="A quote that is opened must be closed; inside quotes, double it.",
                where=f"{path}:{begins}",
            ) from None
        if row is None:
            return
        if row:
            yield row


def _delimiter(text: str) -> str:
    """What parts the cells: what gives most rows of the beginning the same number of cells."""
    lines = text[:SAMPLE].splitlines()[: 2 * ROWS_TRIED]

    def fits(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row][:ROWS_TRIED]
        width = max(set(counts), key=counts.count, default=1)
        return (counts.count(width) if width > 1 else 0, width)

    try:
        return max(DELIMITERS, key=fits)
    except csv.Error:
        return ","


def _headings(first: list[str]) -> tuple[list[str], str]:
    """Names of the columns, and a remark where the first row holds none."""
    cells = [as_title(cell)[:LONGEST_HEADING] for cell in first]
    filled = [cell for cell in cells if cell]
    has_headings = (
        bool(filled)
        and len(set(filled)) == len(filled)
        and not any(_NUMBER.match(cell) for cell in filled)
        and all(len(cell) <= LONGEST_HEADING for cell in first)
    )
    if not has_headings:
        numbered = [f"column {place + 1}" for place in range(len(cells))]
        return numbered, "the first row holds no headings; the columns are numbered."
    return [cell or f"column {place + 1}" for place, cell in enumerate(cells)], ""
