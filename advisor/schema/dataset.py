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
    """Line numbers, counted from 1."""
    message: str
    hint: str = ""


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
