"""When two texts count as the same: after Unicode, case and white space are evened out."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from advisor.schema.evaluation import Message, Sample

SEPARATOR = "\x1f"


def normalise(text: str) -> str:
    """The text in NFKC form, case-folded, with single spaces."""
    if text.isascii():  # nothing to compose, and quicker by half
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def question_key(sample: Sample) -> str:
    """What two samples share when the same was asked: earlier turns and input, normalised."""
    return SEPARATOR.join((*map(_turn_key, sample.history), normalise(sample.input)))


def input_key(sample: Sample) -> str:
    """What two samples share when a model gets the same: what was asked and the steps taken since.

    So a call of a function and what is said of its result have inputs of their own.
    """
    return SEPARATOR.join((question_key(sample), *map(_turn_key, sample.steps)))


def _turn_key(turn: Message) -> str:
    calls = (f"{call.name}({normalise(call.arguments)})" for call in turn.tool_calls)
    return f"{turn.role}:{normalise(turn.content)}{''.join(calls)}"


def by_input(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Samples grouped by equal input, in order of first appearance."""
    groups: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[input_key(sample)].append(sample)
    return dict(groups)
