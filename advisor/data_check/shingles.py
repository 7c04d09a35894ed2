"""Texts as sets of short runs, the measure by which two of them are nearly the same."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from itertools import chain, pairwise

from advisor.data_check.normal import normalise

LONG = 60
"""Words from which runs of words are compared instead of runs of letters."""
LETTERS = 4
"""In a run: a mistyped letter changes four of them."""
FEWEST_LETTERS = 20
"""Letters below which one more or less changes too much."""
ENDS = " .,;:!?\u2026\u3002\uff01\uff1f"
COMMON_SHARE = 0.1
COMMON_AT_LEAST = 20
"""A run in a tenth of the texts, and in at least so many, belongs to their common form."""
WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|"
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
"""A word, or one sign of a script that writes words without spaces between them."""


def words(text: str) -> list[str]:
    """The normalised words of a text in order; punctuation is left out."""
    return WORD.findall(normalise(text))


def shingles(text: str) -> set[str]:
    """What is compared of a normalised text: runs of four letters, of a long text pairs of words.

    A text too short for that is compared whole, without the marks at its end.
    """
    found = WORD.findall(text)
    if len(found) >= LONG:
        return set(map(" ".join, pairwise(found)))
    joined = f" {' '.join(found)} "
    if len(joined) < FEWEST_LETTERS:
        return {bare} if (bare := text.strip(ENDS)) else set()
    return {joined[n : n + LETTERS] for n in range(len(joined) - LETTERS + 1)}


def common_runs(sets: Collection[set[str]]) -> frozenset[str]:
    """Runs that very many of the texts have, such as an instruction before every input."""
    limit = max(COMMON_AT_LEAST, math.ceil(COMMON_SHARE * len(sets)))
    spread = Counter(chain.from_iterable(sets))
    return frozenset(run for run, count in spread.items() if count >= limit)


def similarity(one: set[str], other: set[str]) -> float:
    """Jaccard similarity: what both have of what either has; 0 where both are empty."""
    both = len(one & other)
    either = len(one) + len(other) - both
    return both / either if either else 0.0
