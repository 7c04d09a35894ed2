"""A data file as read, its faulty rows, and what a check of it found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.evaluation import Document, Sample

Severity = Literal["error", "warning", "note"]


class Fault(Value):
    """A row that cannot be used, and why."""

    code: str
    line: int = Field(ge=1)
    message: str
    hint: str = ""
    file: str = ""
    """The file inside the folder, where data is a folder."""


Kind = Literal["answers", "preference", "unpaired", "text"]
"""What a data file teaches: answers, better and worse answers, marked answers, plain text."""


class Dataset(Value):
    """The samples of one data file."""

    path: str
    """As the user gave it."""
    format: str
    """Container and row shape, for example `jsonl/messages`."""
    samples: tuple[Sample, ...]
    rows: int = Field(ge=0)
    """Rows found, usable or not; blank lines are no rows."""
    digest: str
    """SHA-256 of the file's bytes, shortened to 16 hexadecimal digits."""
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    """Rows left out; empty when the file was read strictly."""
    kind: Kind = "answers"
    encoding: str = "utf-8"
    """As recognised; other than UTF-8 it is also told in a note."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Which field of the file serves as which: `{"input": "frage"}`."""
    licence: str = ""
    """What a licence field of the rows says, where all that say something agree."""


class ReadDocuments(Value):
    """What a reader found in one file."""

    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why: pages without text, cells without a heading."""


class Corpus(Value):
    """The documents of one file or folder, and what was left out of it."""

    path: str
    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()


class Problem(Value):
    """One kind of fault in the data, with every row that has it."""

    code: str
    severity: Severity
    rows: tuple[int, ...]
    """Line numbers, counted from 1; at most the first 10,000."""
    message: str
    hint: str = ""
    files: tuple[str, ...] = ()
    """The file of each row, where data is a folder."""
    count: int | None = None
    """Rows that have it, where more than `rows` lists; None where `rows` lists all."""


class Quantiles(Value):
    """How a count is spread over the rows."""

    smallest: int
    p50: int
    p95: int
    largest: int


class TokenLengths(Value):
    """Tokens per row, estimated; a tokenizer would give other numbers."""

    estimated_from: str
    input: Quantiles
    target: Quantiles
    total: Quantiles


class SplitCounts(Value):
    """Rows per split as the file gives them, and as they would be used."""

    given: dict[str, int]
    """`none` counts the rows without a split of their own."""
    used: dict[str, int] | None
    """None when no test split is possible."""


class Repeats(Value):
    """Inputs that stand in the file more than once, after normalising."""

    rows: int
    """Rows that repeat an earlier one."""
    share: float
    groups: int


class Leakage(Value):
    """Test inputs that also stand in the train split."""

    test_rows: int
    leaked_rows: int
    share: float | None
    """None without a given test split."""


class Contradictions(Value):
    """Equal inputs with different targets."""

    inputs: int
    rows: int


class Histogram(Value):
    """How many rows fall between two edges."""

    name: str
    unit: str
    edges: tuple[float, ...]
    """One more than counts, ascending."""
    counts: tuple[int, ...]


class Usefulness(Value):
    """How much of the data teaches something: quality over quantity."""

    score: float = Field(ge=0, le=100)
    """Share of the rows that remain, in percent, lowered for what cannot be mended by deletion."""
    remaining: int
    """Samples left when everything doubtful is taken out."""
    parts: dict[str, int]
    """Rows lost by cause, each row once, under its gravest cause."""


class DataCheck(Value):
    """What `advisor data check` found."""

    path: str
    format: str
    rows: int
    usable_rows: int
    problems: tuple[Problem, ...]
    token_lengths: TokenLengths | None
    """None when no row is usable."""
    splits: SplitCounts
    duplicates: Repeats
    leakage: Leakage
    contradictions: Contradictions
    notes: tuple[str, ...] = ()
    kind: Kind = "answers"
    encoding: str = "utf-8"
    licence: str = ""
    near_duplicates: Repeats | None = None
    """None where they were not looked for."""
    labels: dict[str, int] | None = None
    """Rows by target, where targets are labels; None where they are free text."""
    languages: dict[str, int] = Field(default_factory=dict)
    """Looked-at rows by language code."""
    histograms: tuple[Histogram, ...] = ()
    usefulness: Usefulness | None = None
    """None without a usable row."""
    looked_at: dict[str, int] = Field(default_factory=dict)
    """Rows that each check saw, where it did not see all of them."""
    sequence_length: int | None = None
    """The length at which truncation was judged; None where none was given."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """What `--map` said, for the command that mends the file."""
    numbered: Literal["line", "row"] = "line"
    """What the numbers of the problems count: lines, or rows where lines tell nothing."""
    seconds: float = 0.0
    structural_seconds: float = 0.0
    """Part of them for reading the rows and looking at their form alone."""


class DataFix(Value):
    """What `advisor data fix` did to a copy of a data file."""

    path: str
    """The original, as the user gave it; it is never written to."""
    format: str
    rows: int = Field(ge=0)
    """Rows read, usable or not."""
    kept: int = Field(ge=0)
    """Rows written."""
    changed: dict[str, int]
    """Written rows that were mended, by code; a row mended twice counts under both codes."""
    dropped: dict[str, int]
    """Rows left out, by code; each row once, under the first cause met."""
    out: str
    """The cleaned copy."""
    log: str
    """One JSON line for each row that was changed or left out."""
    out_format: str
    """Container written; not the original's where that cannot be written."""
    notes: tuple[str, ...] = ()
    """What is to be said of the file and of its copy."""
