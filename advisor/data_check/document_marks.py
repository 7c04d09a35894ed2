"""Documents that give orders to a model, hold secrets or data of persons, or stand there twice."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from advisor.data_check.legible import first_invisible, invisible, legible
from advisor.data_check.lines import counted
from advisor.data_check.looks import ROWS_LISTED
from advisor.data_check.marks import INJECTED, KINDS_SHOWN, PERSONAL, SECRETS, Mark
from advisor.data_check.normal import normalise
from advisor.patterns import Patterns, hidden, masked_value, patterns
from advisor.schema.dataset import Problem
from advisor.schema.evaluation import Document
from advisor.secrets import masked

BLOCK = 1 << 20
"""Characters searched at a time, in whole lines."""
MANY_INVISIBLE = 20
"""Signs that nobody sees, from which a document is told: fewer come with copying from pages."""
NAMES_SHOWN = 3
FIRST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class DocumentMark:
    """How a mark of rows is told of documents."""

    mark: Mark
    says: str
    hint: str
    reads: Callable[[str], str] = str
    """The text as it is searched."""

    @property
    def code(self) -> str:
        """The code of its problem."""
        return f"{self.mark.code}_in_document"


def without_addresses(text: str) -> str:
    """The text without what stands before the @ of a connection string: that is no mailbox."""
    return masked(text) if "://" in text and "@" in text else text


MARKS = (
    DocumentMark(
        SECRETS,
        "holding what looks like a secret",
        "Revoke it where it is valid and take it out: retrieval shows it to the model and its"
        " readers.",
    ),
    DocumentMark(
        INJECTED,
        "giving orders to the model that reads it",
        "Delete the passage: with retrieval it reaches the model's prompt.",
    ),
    DocumentMark(
        PERSONAL,
        "with data of a person",
        "Take it out unless the answers need it and you may use it.",
        without_addresses,
    ),
)


def document_problems(documents: Sequence[Document]) -> Iterator[Problem]:
    """What is wrong with the documents, worst first."""
    inspectors = [_Marked(each) for each in MARKS]
    for document in documents:
        for first_line, text in (*_blocks(document.text), (1, _beside(document))):
            shown = legible(text)
            for inspector in inspectors:
                inspector.see(document.name, first_line, shown)
    for inspector in inspectors:
        yield from inspector.problems()
    yield from _unseen(documents)
    yield from _copies(documents)


def _beside(document: Document) -> str:
    """What metadata says beyond the text: a title is shown and searched, too."""
    told = (value for key, value in document.metadata.items() if key != "page_starts")
    return "\n".join(value for value in told if value not in document.text)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Pieces of whole lines, each with the number of its first line."""
    start, line = 0, 1
    while start < len(text):
        end = start + BLOCK
        if end < len(text):
            seam = text.rfind("\n", start, end)
            end = seam + 1 if seam > start else end
        piece = text[start:end]
        yield line, piece
        line += piece.count("\n")
        start = end


class _Marked:
    """Looks for the patterns of one file in pieces of documents."""

    def __init__(self, told: DocumentMark) -> None:
        self._told = told
        self._patterns: Patterns = patterns(told.mark.file)
        self._kinds: Counter[str] = Counter()
        self._names: dict[str, int] = {}
        self._rows = array("L")
        self._files = array("L")
        self._count = 0
        self._first = ""

    def see(self, name: str, first_line: int, text: str) -> None:
        """Take one piece."""
        text = self._told.reads(text)
        for pattern, match in self._patterns.all(text):
            self._count += 1
            self._kinds[pattern.name] += 1
            number = self._names.setdefault(name, len(self._names))
            if not self._first:
                self._first = self._shown(hidden(match))
            if len(self._rows) < ROWS_LISTED:
                self._rows.append(first_line + text.count("\n", 0, match.start()))
                self._files.append(number)

    def _shown(self, value: str) -> str:
        if self._told.mark.is_masked:
            return masked_value(value)
        return f"'{' '.join(value.split())[:FIRST_SHOWN]}'"

    def problems(self) -> Iterator[Problem]:
        """The problem to show for the documents that have it."""
        if not self._count:
            return
        names = list(self._names)
        kinds = ", ".join(f"{name} ({n})" for name, n in self._kinds.most_common(KINDS_SHOWN))
        listed = sorted(zip(self._files, self._rows, strict=True))
        yield Problem(
            code=self._told.code,
            severity=self._told.mark.severity,
            rows=tuple(row for _, row in listed),
            files=tuple(names[number] for number, _ in listed),
            count=self._count if self._count > len(listed) else None,
            message=f"{counted(len(names), 'document')} {self._told.says}: {_shown(names)};"
            f" {kinds}; line {self._rows[0]}: {self._first}.",
            hint=self._told.hint,
        )


def _unseen(documents: Sequence[Document]) -> Iterator[Problem]:
    """The problem to show for documents with many signs that nobody sees."""
    counts = {place: invisible(document.text) for place, document in enumerate(documents)}
    many = [place for place, count in counts.items() if count >= MANY_INVISIBLE]
    if not many:
        return
    named = [documents[place].name for place in many]
    places = [first_invisible(documents[place].text) for place in many[:ROWS_LISTED]]
    rows = [
        1 + documents[place].text.count("\n", 0, start)
        for place, (_, start) in zip(many, places, strict=False)
    ]
    yield Problem(
        code="invisible_signs_in_document",
        severity="warning",
        rows=tuple(rows),
        files=tuple(named[:ROWS_LISTED]),
        count=len(many) if len(many) > ROWS_LISTED else None,
        message=f"{counted(len(many), 'document')} with {MANY_INVISIBLE} or more invisible signs:"
        f" {_shown(named)}; {counts[many[0]]:,} in '{named[0]}', first {places[0][0]} in line"
        f" {rows[0]}.",
        hint="Take them out: they part words for a model, and orders are hidden in them. The"
        " patterns above are searched for without them.",
    )


def _copies(documents: Sequence[Document]) -> Iterator[Problem]:
    """The problem to show for documents with the same text, but for case and white space."""
    groups: defaultdict[bytes, list[str]] = defaultdict(list)
    for document in documents:
        groups[_key(document.text)].append(document.name)
    repeated = [name for names in groups.values() for name in names[1:]]
    if repeated:
        original = next(names for names in groups.values() if len(names) > 1)
        listed = repeated[:ROWS_LISTED]
        yield Problem(
            code="duplicate_documents",
            severity="warning",
            rows=(1,) * len(listed),
            files=tuple(listed),
            count=len(repeated) if len(repeated) > len(listed) else None,
            message=f"{counted(len(repeated), 'document')} with the text of another:"
            f" '{original[1]}' is '{original[0]}'.",
            hint="Keep one of each: copies take the places of other passages.",
        )


def _key(text: str) -> bytes:
    """Digest of the normalised text, piece by piece: a long one is never held a second time."""
    digest = blake2b(digest_size=16)
    for _, piece in _blocks(text):
        digest.update(f"{normalise(piece)} ".encode("utf-8", "replace"))
    return digest.digest()


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{', '.join(names[:NAMES_SHOWN])}{more}"
