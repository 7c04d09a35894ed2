"""Texts that hold what a file of patterns describes: secrets, personal data, refusals, markup."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from advisor.data_check.legible import legible
from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.patterns import hidden, masked_value, patterns
from advisor.schema.dataset import Severity
from advisor.secrets import masked

TextsOf = Callable[[Look], Iterable[str]]
KINDS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """How a file of patterns is used."""

    code: str
    file: str
    severity: Severity
    texts: TextsOf
    noun: str
    """What has it: row, target."""
    says: str
    """What it does, after the noun in the plural or singular: `holding a secret`."""
    hint: str
    is_masked: bool = False
    """The first find is shown by three characters and its length only, or not at all."""
    once: bool = True
    """One find in a row is enough: the kinds of further ones are not counted."""


def all_texts(look: Look) -> Iterable[str]:
    """Every text of the row, as one."""
    return ("\n".join(look.texts()),)


def texts_without_addresses(look: Look) -> Iterable[str]:
    """The same, without what stands before the @ of a connection string: that is no mailbox."""
    text = "\n".join(look.texts())
    return (masked(text) if "://" in text and "@" in text else text,)


def inputs(look: Look) -> Iterable[str]:
    """Every text that goes in, as its reader takes it, but not the row's own system turn."""
    for turn in (*look.sample.history, *look.sample.steps):
        if turn.role not in ("system", "developer", "assistant"):
            yield legible(turn.content)
    yield legible(look.sample.input)


def target(look: Look) -> Iterable[str]:
    """The target alone."""
    return (look.sample.target,)


SECRETS = Mark(
    "secrets",
    "secrets",
    "error",
    all_texts,
    "row",
    "holding what looks like a secret",
    "Revoke it where it is valid, then mask it (`advisor data fix --mask secrets`): a tuned model"
    " repeats it.",
    is_masked=True,
    once=False,
)
PERSONAL = Mark(
    "personal_data",
    "personal_data",
    "warning",
    texts_without_addresses,
    "row",
    "with data of a person",
    "Mask it unless the task needs it and you may use it; a tuned model can repeat it.",
    is_masked=True,
    once=False,
)
REFUSALS = Mark(
    "refusals",
    "refusals",
    "warning",
    target,
    "target",
    "refusing to answer",
    "Delete them or write the answer, unless the model is to refuse just these.",
)
INJECTED = Mark(
    "injected_instructions",
    "injected_instructions",
    "warning",
    inputs,
    "input",
    "giving orders to the model that reads it",
    "Delete the rows, unless resisting such orders is what they teach.",
)
MARKS = (SECRETS, PERSONAL, REFUSALS, INJECTED)


class Marked:
    """Looks for the patterns of one file."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._patterns = patterns(mark.file)
        self._places = array("L")
        self._kinds: Counter[str] = Counter()
        self._first = ""

    def see(self, look: Look) -> None:
        """Take one row."""
        kinds: set[str] = set()
        for text in self._mark.texts(look):
            for pattern, match in self._patterns.all(text):
                if not self._first:
                    value = hidden(match)
                    self._first = masked_value(value) if self._mark.is_masked else _short(value)
                kinds.add(pattern.name)
                if self._mark.once:
                    break
        if kinds:
            self._kinds.update(kinds)
            self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for the rows that have it."""
        if not self._places:
            return
        mark = self._mark
        kinds = ", ".join(f"{name} ({n})" for name, n in self._kinds.most_common(KINDS_SHOWN))
        named = f": {kinds}" if len(self._kinds) > 1 or mark.is_masked else ""
        yield Found(
            mark.code,
            mark.severity,
            self._places,
            f"{counted(len(self._places), mark.noun)} {mark.says}{named};"
            f" {whole.ledger.where(self._places[0])}: {self._first}.",
            mark.hint,
        )


def _short(value: str) -> str:
    text = " ".join(value.split())
    return f"'{text[:57]}...'" if len(text) > 60 else f"'{text}'"
