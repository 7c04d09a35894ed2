"""What inspectors see of a row, and how they tell what they found."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Literal, Protocol

from advisor.data_check.normal import input_key, normalise
from advisor.schema.dataset import Kind, Problem, Severity
from advisor.schema.evaluation import Sample

ROWS_LISTED = 10_000
SPLIT_NUMBERS = {None: 0, "train": 1, "dev": 2, "test": 3}
SPLIT_NAMES = ("none", "train", "dev", "test")


def fingerprint(text: str) -> int:
    """64 bits of a text: two of a million texts share them once in 37 million files."""
    return int.from_bytes(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


class Look:
    """One usable row with what several inspectors need of it, made once and when asked for."""

    def __init__(self, sample: Sample, place: int) -> None:
        self.sample = sample
        self.place = place
        """Ordinal among the usable rows, from 0."""

    @cached_property
    def asked(self) -> str:
        """The input, normalised."""
        return normalise(self.sample.input)

    @cached_property
    def target(self) -> str:
        """The target, normalised."""
        return normalise(self.sample.target)

    @cached_property
    def target_key(self) -> int:
        """Fingerprint of the normalised target."""
        return fingerprint(self.target)

    @cached_property
    def key(self) -> int:
        """Fingerprint of what is asked, earlier turns included; of plain text that of the text."""
        has_turns = self.sample.history or self.sample.steps
        key = input_key(self.sample) if has_turns else self.asked
        return fingerprint(key) if key else self.target_key

    def inputs(self) -> Iterable[str]:
        """Every text that goes in."""
        for turn in self.sample.history:
            if turn.content:
                yield turn.content
        if self.sample.input:
            yield self.sample.input

    def texts(self) -> Iterable[str]:
        """Every text of the row."""
        yield from self.inputs()
        for turn in self.sample.steps:
            if turn.content:
                yield turn.content
        yield self.sample.target
        if self.sample.rejected:
            yield self.sample.rejected


class Ledger:
    """Of every usable row what takes a few bytes: where it stands, what it asks and answers."""

    def __init__(self) -> None:
        self.lines = array("Q")
        self.files = array("L")
        self.keys = array("Q")
        self.targets = array("Q")
        self.splits = array("B")
        self.numbered: Literal["line", "row"] = "line"
        """What `lines` counts."""
        self._names: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self.lines)

    def note(self, sample: Sample) -> None:
        """One more row: where it stands."""
        self.lines.append(sample.line or 0)
        self.files.append(self._names.setdefault(sample.file, len(self._names)))
        self.splits.append(SPLIT_NUMBERS[sample.split])

    def note_keys(self, look: Look) -> None:
        """What the row asks and answers; in the order of `note`."""
        self.keys.append(look.key)
        self.targets.append(look.target_key)

    def where(self, place: int) -> str:
        """File and line of a row as messages name it."""
        name = list(self._names)[self.files[place]]
        number = self.lines[place]
        line = f"{self.numbered} {number}" if number else f"row {place + 1}"
        return f"{name}, {line}" if name else line

    def listed(self, places: Iterable[int]) -> tuple[tuple[int, ...], tuple[str, ...], int]:
        """Line numbers in file order, the file of each where there are files, and the count."""
        ordered = sorted(set(places), key=lambda place: (self.files[place], self.lines[place]))
        shown = [place for place in ordered if self.lines[place]][:ROWS_LISTED]
        names = list(self._names)
        files = tuple(names[self.files[place]] for place in shown) if len(names) > 1 else ()
        return tuple(self.lines[place] for place in shown), files, len(ordered)


@dataclass(frozen=True, slots=True)
class Found:
    """A kind of fault and the rows that have it."""

    code: str
    severity: Severity
    places: Iterable[int]
    message: str
    hint: str = ""

    def problem(self, ledger: Ledger) -> Problem:
        """As the check tells it."""
        rows, files, count = ledger.listed(self.places)
        return Problem(
            code=self.code,
            severity=self.severity,
            rows=rows,
            message=self.message,
            hint=self.hint,
            files=files,
            count=count if count > len(rows) else None,
        )


@dataclass(slots=True)
class Whole:
    """What is known once every row was seen."""

    ledger: Ledger
    kind: Kind = "answers"
    has_labels: bool = False
    """Targets repeat enough to be labels."""
    has_references: bool = False
    """Most inputs have several free targets, as references for one input."""
    looked_at: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Usable rows."""
        return len(self.ledger)


class Inspector(Protocol):
    """Looks for one kind of fault: at every row, then at what came together."""

    def see(self, look: Look) -> None:
        """Take one row."""

    def found(self, whole: Whole) -> Iterable[Found]:
        """What is wrong; asked once, at the end."""
