"""Texts as sets of short word runs, the measure by which two of them are nearly the same."""

from __future__ import annotations

import re

from advisor.data_check.normal import normalise

RUN = 3
"""Words in a shingle: one changed word changes three of them."""
WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|"
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
"""A word, or one sign of a script that writes words without spaces between them."""
EDGE = ""


def words(text: str) -> list[str]:
    """The normalised words of a text in order; punctuation is left out."""
    return WORD.findall(normalise(text))


def shingles(text: str) -> set[str]:
    """Runs of three words, the edges of the text counting as words; empty without any word.

    With edges a changed word weighs the same wherever it stands: two texts of n words that differ
    in one have a Jaccard similarity of (n - 1) / (n + 5), which passes 0.8 from 25 words on. So
    questions of one pattern about different things do not count as nearly the same.
    """
    found = words(text)
    if not found:
        return set()
    edged = [EDGE, EDGE, *found, EDGE, EDGE]
    return {" ".join(run) for run in zip(edged, edged[1:], edged[2:], strict=False)}


def similarity(one: set[str], other: set[str]) -> float:
    """Jaccard similarity: what both have of what either has; 0 where both are empty."""
    both = len(one & other)
    either = len(one) + len(other) - both
    return both / either if either else 0.0
