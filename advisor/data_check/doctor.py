"""One pass over the rows of a data file: every inspector sees each of them, none keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from advisor.data_check.copies import Copies
from advisor.data_check.documents import TestItems
from advisor.data_check.empties import Placeholders
from advisor.data_check.encodings import Encodings
from advisor.data_check.endings import Endings
from advisor.data_check.faults import Faults
from advisor.data_check.keys import grouped, has_references
from advisor.data_check.labels import Labels
from advisor.data_check.languages import Languages
from advisor.data_check.lengths import Counter, Lengths
from advisor.data_check.looks import Found, Inspector, Ledger, Look, Whole
from advisor.data_check.marks import MARKS, Marked
from advisor.data_check.markup import Markup
from advisor.data_check.near_rows import Near, NearRows, told
from advisor.data_check.phrases import Phrases
from advisor.data_check.preferences import Marks, Preferences
from advisor.data_check.repetition import Repetition
from advisor.data_check.roles import Roles
from advisor.data_check.weights import SyntheticTests
from advisor.schema.dataset import Fault
from advisor.schema.evaluation import Document, Sample

BLOCK = 2_000
"""Rows looked at before the next inspector's turn."""
HELD_CHARACTERS = 16_000_000
HELD_ROWS = 60_000
"""Rows kept whole, for the split and for comparing; of larger files none are."""
Items = Iterable[Sample | Fault]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is asked to look at beside the rows."""

    sequence_length: int | None = None
    documents: Sequence[Document] = ()
    count: Counter | None = None
    """Tokens by a tokenizer; estimated without one."""


class Doctor:
    """Takes the rows, and then knows what is wrong with them."""

    def __init__(self, asked: Asked) -> None:
        self.ledger = Ledger()
        self.whole = Whole(self.ledger)
        self.faults = Faults()
        self.labels = Labels()
        self.lengths = Lengths(asked.sequence_length, asked.count)
        self.preferences = Preferences()
        self.languages = Languages()
        self.structure: tuple[Inspector, ...] = (
            self.labels,
            self.lengths,
            self.preferences,
            Marks(),
            Roles(),
            Placeholders(),
            SyntheticTests(),
        )
        self.content: tuple[Inspector, ...] = (
            *(Marked(mark) for mark in MARKS),
            Phrases(),
            Markup(),
            Encodings(),
            Endings(),
            Repetition(),
            Copies(),
            self.languages,
            *([TestItems(asked.documents)] if asked.documents else []),
        )
        self.near = _near_rows(self.whole)
        self.held: list[Sample] | None = []
        """All usable rows while they are few; None once they are many."""
        self.structural_seconds = 0.0
        self.seconds = 0.0
        self._characters = 0

    def take(self, items: Items) -> None:
        """Every row, block by block."""
        stream = iter(items)
        began = time.perf_counter()
        while block := self._structure(stream):
            self._content(block)
        self.seconds = time.perf_counter() - began

    def _structure(self, stream: Iterator[Sample | Fault]) -> list[Look]:
        """Reads the next block and looks at its form; empty at the end."""
        began = time.perf_counter()
        block: list[Look] = []
        while not block:
            items = list(islice(stream, BLOCK))
            if not items:
                break
            for item in items:
                if isinstance(item, Fault):
                    self.faults.see(item)
                    continue
                look = Look(item, len(self.ledger))
                self.ledger.note(item)
                block.append(look)
        for inspector in self.structure:
            see = inspector.see
            for look in block:
                see(look)
        self._hold(block)
        self.structural_seconds += time.perf_counter() - began
        return block

    def _hold(self, block: list[Look]) -> None:
        if self.held is None:
            return
        self.held += [look.sample for look in block]
        self._characters += sum(len(look.sample.input) + len(look.sample.target) for look in block)
        if self._characters > HELD_CHARACTERS or len(self.held) > HELD_ROWS:
            self.held = None

    def _content(self, block: list[Look]) -> None:
        for look in block:
            self.ledger.note_keys(look)
        for inspector in self.content:
            see = inspector.see
            for look in block:
                see(look)
        if self.near is not None:
            self.near.see_all(block)

    def conclude(self) -> None:
        """What only the whole shows: whether targets are labels, what kind of data it is."""
        self.whole.has_labels = self.labels.counts() is not None
        self.same = grouped(self.ledger)
        words = _median_words(self.lengths)
        self.whole.has_references = has_references(
            self.same, self.ledger, has_labels=self.whole.has_labels, words=words
        )

    def found(self) -> list[Found]:
        """What the inspectors found; `conclude` comes first."""
        return [
            found
            for inspector in (*self.structure, *self.content)
            for found in inspector.found(self.whole)
        ]

    def near_rows(self, again: Callable[[], Items]) -> tuple[Near, list[Found]]:
        """Nearly equal rows; `again` reads all rows a second time where none are held."""
        if self.near is None:
            return Near(None), []
        pairs = self.near.candidates(self.ledger)
        wanted = {place for pair in pairs for place in pair}
        near = self.near.compare(pairs, self._samples(wanted, again), self.whole, self.held)
        if self.near.rows < self.whole.rows:
            self.whole.looked_at["near_duplicates"] = self.near.rows
            self.whole.notes.append(
                f"Near duplicates were looked for among the first {self.near.rows} rows."
            )
        if not self.near.is_complete:
            self.whole.notes.append(
                f"So many rows are alike that only {len(wanted)} of them were compared."
            )
        return near, list(told(near, self.whole.rows))

    def _samples(self, wanted: set[int], again: Callable[[], Items]) -> dict[int, Sample]:
        if self.held is not None:
            return {place: self.held[place] for place in wanted}
        if not wanted:
            return {}
        usable = (item for item in again() if isinstance(item, Sample))
        return {place: sample for place, sample in enumerate(usable) if place in wanted}


def _near_rows(whole: Whole) -> NearRows | None:
    try:
        return NearRows()
    except ImportError:
        whole.notes.append(
            "Near duplicates were not looked for: pip install 'finetune-advisor[data]'."
        )
        return None


def _median_words(lengths: Lengths) -> float:
    """Words of the median target, from its tokens."""
    measured = lengths.measured()
    return 0.75 * measured.target.p50 if measured else 0.0
