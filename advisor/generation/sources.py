"""What new samples are made from: rows to vary, passages of documents, labels with definitions."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from advisor.data_check.normal import normalise
from advisor.errors import DatasetError, InputError
from advisor.schema.evaluation import Document, Sample
from advisor.schema.labels import are_labels
from advisor.secrets import masked

PASSAGE = 1500
"""Characters of a passage that questions are written about."""
NAMED = 5
"""Labels that a note lists."""
SHOWN = 4
"""Seeds shown to the model at once."""


@dataclass(frozen=True)
class Passage:
    """A piece of a document."""

    document: str
    text: str


@dataclass(frozen=True)
class Sources:
    """Everything new samples are made from; never a row of the dev or test part."""

    seeds: tuple[Sample, ...]
    instruction: str
    passages: tuple[Passage, ...] = ()
    definitions: dict[str, str] = field(default_factory=dict)
    """Label -> what belongs to it."""

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The targets where there are few of them, as written most often; none for free text."""
        if self.definitions:
            return tuple(self.definitions)
        found = Counter(normalise(sample.target) for sample in self.seeds)
        if not are_labels(found):
            return ()
        written = Counter(sample.target for sample in self.seeds)
        best: dict[str, str] = {}
        for text, _ in sorted(written.items(), key=lambda item: (-item[1], item[0])):
            best.setdefault(normalise(text), text)
        return tuple(best[name] for name in sorted(best))

    @cached_property
    def json_keys(self) -> frozenset[str] | None:
        """Keys that every target has where targets are JSON objects; None where they are not."""
        keys: frozenset[str] | None = None
        for sample in self.seeds:
            value = parsed(sample.target)
            if not isinstance(value, dict):
                return None
            keys = frozenset(value) if keys is None else keys & frozenset(value)
        return keys

    def shown(self, seed: int, number: int) -> tuple[Sample, ...]:
        """The seeds that the request of this number shows; a seeded choice."""
        chance = random.Random(f"{seed}:{number}")  # noqa: S311 - repeatable choice, no secret
        pool = sorted(self.seeds, key=lambda sample: sample.id)
        return tuple(chance.sample(pool, min(SHOWN, len(pool))))


def parsed(text: str) -> Any:
    """The JSON value of a text; None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def label_notes(sources: Sources) -> tuple[str, ...]:
    """Where the labels of a file and those of the train rows are not the same."""
    if not sources.definitions:
        return ()
    defined = {normalise(label): label for label in sources.definitions}
    rows = {normalise(sample.target): sample.target for sample in sources.seeds}
    strange = sorted(masked(defined[key]) for key in defined.keys() - rows.keys())
    absent = sorted(masked(rows[key]) for key in rows.keys() - defined.keys())
    notes = []
    if strange:
        notes.append(f"No train row has what --labels defines: {_few(strange)}.")
    if absent:
        notes.append(f"--labels does not define what train rows have: {_few(absent)}.")
    return tuple(notes)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"'{name[:40]}'" for name in names[:NAMED]) + more


def seeds_of(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The collected train samples that can be varied: one question, one answer.

    Raises DatasetError when there is none, saying why.
    """
    train = [s for s in samples if s.split == "train" and not s.synthetic_by]
    usable = [s for s in train if s.input and _is_plain(s)]
    if usable:
        return tuple(usable)
    reason = "no row is left for training" if not train else "its rows are not single questions"
    raise DatasetError(
        f"Nothing can be varied in this data: {reason}.",
        hint="Give rows with one input and one target each; conversations, preferences and plain"
        " text are not grown.",
    )


def _is_plain(sample: Sample) -> bool:
    alone = all(turn.role in ("system", "developer") for turn in sample.history)
    is_answer = sample.rejected is None and sample.is_good is None
    return alone and is_answer and not sample.steps and not sample.tools


def passages_of(documents: Sequence[Document], *, size: int = PASSAGE) -> tuple[Passage, ...]:
    """Whole paragraphs up to `size` characters; a longer paragraph is cut at white space."""
    return tuple(
        Passage(document.name, text)
        for document in documents
        for text in _pieces(document.text, size)
    )


def apart_from_tests(
    documents: Sequence[Document], samples: Sequence[Sample]
) -> tuple[tuple[Document, ...], int]:
    """The documents that no dev or test row is about, and how many were left out.

    A row names a document by its path, its file name, or that without the ending. Raises
    DatasetError when none is left.
    """
    held = {s.document for s in samples if s.split in ("dev", "test") and s.document}
    kept = tuple(document for document in documents if held.isdisjoint(_names(document)))
    if documents and not kept:
        raise DatasetError(
            "Every document is one that dev or test rows are about, so nothing may be asked of it.",
            hint="Give further documents, or fewer dev and test rows.",
        )
    return kept, len(documents) - len(kept)


def _names(document: Document) -> set[str]:
    path = PurePosixPath(document.name)
    return {document.name, path.name, path.stem, str(path.with_suffix(""))}


def _pieces(text: str, size: int) -> Iterator[str]:
    held = ""
    for paragraph in filter(None, (part.strip() for part in text.split("\n\n"))):
        if held and len(held) + len(paragraph) > size:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}".strip()
        while len(held) > size:
            cut = held.rfind(" ", 1, size)
            cut = cut if cut > 0 else size
            yield held[:cut].rstrip()
            held = held[cut:].lstrip()
    if held:
        yield held


def read_labels(path: Path) -> dict[str, str]:
    """Label -> definition out of a YAML or JSON file; raises InputError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path}.", hint="Check the path given with --labels.", where=str(path)
        ) from None
    except yaml.MarkedYAMLError as error:
        text = path.read_text(encoding="utf-8")
        raise _bad_line(
            path, text, error.problem_mark.line + 1 if error.problem_mark else 1
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}.",
            hint="Write one line for each label: refund: the customer wants money back",
            where=str(path),
        ) from error
    usable = isinstance(content, dict) and all(
        isinstance(value, (str, type(None))) for value in content.values()
    )
    if not usable or not content:
        raise InputError(
            f"{path.name} does not hold labels with their definitions.",
            hint="Write one line for each label: refund: the customer wants money back",
            where=str(path),
        )
    return {str(label): value or "" for label, value in content.items()}


def _bad_line(path: Path, text: str, told: int) -> InputError:
    """The error for the line without a colon, else for the one where the parser gave up."""
    lines = list(enumerate(text.splitlines(), 1))
    bare = [
        n for n, line in lines if line.strip() and line[:1] not in "#{[-\"' " and ":" not in line
    ]
    number = bare[0] if bare else told
    why = "has no colon between a label and its definition" if bare else "is not valid YAML"
    return InputError(
        f"Line {number} of {path.name} {why}.",
        hint="Write one line for each label: refund: the customer wants money back",
        where=f"{path}:{number}",
    )
