"""Targets that are one of a few labels, and how a prompt lists them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from advisor.builtin.metrics.options import one_of
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from advisor.schema.labels import LONGEST_LABEL, MOST_LABELS, are_labels

LISTED = 100
"""Labels that are listed without being asked to."""
MOST_NUMBERS = 20
"""Numbers that are labels (marks, ratings); more of them are quantities."""
REPEATED = 0.9
"""Share of samples whose target another sample has too: in a small part of the data labels stand
less than five times each, so that the usual definition does not see them."""
FEWEST = 6
NAMED = 0.9
"""Share of the labels from which a text counts as naming them."""
_APART = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"[-+]?\d[\d.,]*")

list_labels = one_of("auto", "yes", "no")
"""Reader of the option of that name."""


def normal(target: str) -> str:
    """A target as labels are counted."""
    return " ".join(target.casefold().split())


def closed_labels(train: Sequence[Sample]) -> tuple[str, ...]:
    """The labels that the targets are, in alphabetical order; none where they are free text."""
    counts = Counter(normal(sample.target) for sample in train)
    if not counts or len(counts) > LISTED or "" in counts or not _look_like_labels(counts):
        return ()
    if any(text[0] in "{[" for text in counts):
        return ()
    numbers = sum(_NUMBER.fullmatch(text) is not None for text in counts)
    return () if numbers > MOST_NUMBERS else distinct_targets(train)


def _look_like_labels(counts: Counter[str]) -> bool:
    if are_labels(counts):
        return True
    rows = sum(counts.values())
    repeated = sum(count for count in counts.values() if count > 1)
    short = all(len(text) <= LONGEST_LABEL and "\n" not in text for text in counts)
    return rows >= FEWEST and short and 2 * len(counts) <= rows and repeated >= REPEATED * rows


def distinct_targets(train: Sequence[Sample]) -> tuple[str, ...]:
    """Every target once, in its commonest spelling, in alphabetical order."""
    spelt: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in train:
        spelt[normal(sample.target)][sample.target.strip()] += 1
    usual = [min(found, key=lambda text: (-found[text], text)) for found in spelt.values()]
    return tuple(sorted(usual, key=lambda text: (text.casefold(), text)))


def labels_to_list(train: Sequence[Sample], choice: str) -> tuple[str, ...]:
    """What the option `list_labels` means for these samples.

    Raises DatasetError where labels are to be listed and the targets are too many.
    """
    if choice == "no":
        return ()
    if choice == "auto":
        return closed_labels(train)
    found = distinct_targets(train)
    if len(found) > MOST_LABELS:
        raise DatasetError(
            f"{len(found)} different targets cannot be listed as labels.",
            hint=f"Leave list_labels=yes out; at most {MOST_LABELS} are listed.",
        )
    return found


def names_labels(text: str, labels: Sequence[str]) -> bool:
    """Whether a text names nearly all of the labels already."""
    plain = _spaced(text)
    named = sum(f" {_spaced(label).strip()} " in plain for label in labels)
    return named >= NAMED * len(labels)


def _spaced(text: str) -> str:
    return f" {' '.join(_APART.sub(' ', text.casefold()).split())} "


def labels_text(labels: Sequence[str]) -> str:
    """What a model is told of the labels."""
    listed = "\n".join(f"- {label}" for label in labels)
    return f"Answer with exactly one of these labels and nothing else:\n{listed}"
