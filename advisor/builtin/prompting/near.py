"""Whether two samples ask nearly the same: such a one is no shot for the other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from advisor.schema.evaluation import Sample

WORD = re.compile(r"\w+")
NUMBER = re.compile(r"\d+")
ALIKE = 0.9
"""Share of common pairs of neighbouring words from which two texts are nearly the same."""
KEPT = 50_000


class Form(NamedTuple):
    """What of a text decides whether another is nearly the same."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]


def asked(sample: Sample) -> str:
    """What a sample asks: the turns before it without the assistant's, and its input."""
    turns = [turn.content for turn in sample.history if turn.role in ("user", "tool")]
    return "\n".join([*turns, sample.input])


@lru_cache(maxsize=KEPT)
def form_of(text: str) -> Form:
    """The form of a text; the same for texts that differ in case, space, marks and order alone."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = tuple(WORD.findall(plain))
    pairs = frozenset(pairwise(words))
    return Form(tuple(sorted(words)), tuple(sorted(NUMBER.findall(plain))), pairs)


def ask_alike(one: Sample, other: Sample) -> bool:
    """Whether two samples are one, or ask nearly the same; texts with other numbers do not."""
    if one.id == other.id:
        return True
    first, second = form_of(asked(one)), form_of(asked(other))
    if first.numbers != second.numbers:
        return False
    if first.words == second.words:
        return bool(first.words) or asked(one) == asked(other)
    common = len(first.pairs & second.pairs)
    return common >= ALIKE * len(first.pairs | second.pairs) and common > 0


def without_copies(sample: Sample, shots: Iterable[Sample]) -> list[Sample]:
    """The shots that may be shown with a sample: neither itself nor what asks nearly the same."""
    return [shot for shot in shots if not ask_alike(shot, sample)]
