"""When two texts count as the same: after Unicode, case and white space are evened out."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from advisor.schema.evaluation import Sample

SEPARATOR = "\x1f"


def normalise(text: str) -> str:
    """The text in NFKC form, case-folded, with single spaces."""
    if text.isascii():  # nothing to compose, and quicker by half
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def input_key(sample: Sample) -> str:
    """What two samples share when they ask the same: earlier turns and input, normalised."""
    turns = (f"{turn.role}:{normalise(turn.content)}" for turn in sample.history)
    return SEPARATOR.join((*turns, normalise(sample.input)))


def by_input(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Samples grouped by equal input, in order of first appearance."""
    groups: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[input_key(sample)].append(sample)
    return dict(groups)
