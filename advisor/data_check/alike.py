"""When two samples are nearly the same: one rule for check, split, sieve and leak guard."""

from __future__ import annotations

import re
from collections.abc import Iterable

from advisor.data_check.normal import normalise
from advisor.data_check.shingles import common_runs, shingles, similarity
from advisor.patterns import patterns
from advisor.schema.evaluation import Sample

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
LIKE_ENOUGH = 0.5
"""Similarity of what two texts do not have in common, sentence by sentence."""


def asked(sample: Sample) -> str:
    """What is compared: the turns of users and tools and the input; of plain text the text."""
    turns = [turn.content for turn in sample.history if turn.role in ("user", "tool")]
    return "\n".join([*turns, sample.input]) if sample.input or turns else sample.target


class Seen:
    """A sample as it is compared with others."""

    __slots__ = ("numbers", "runs", "sample")

    def __init__(self, sample: Sample, common: frozenset[str] = frozenset()) -> None:
        text = normalise(asked(sample))
        self.sample = sample
        runs = shingles(text)
        self.runs = without(runs, common)
        """A text that consists of what is common keeps it."""
        self.numbers = numbers_of(text)


def without(runs: set[str], common: frozenset[str]) -> set[str]:
    """The runs that are not common; all of them where none is left."""
    return runs - common or runs if common else runs


class Alike:
    """The rule: inputs alike in letters, with the same numbers, and answered alike."""

    def __init__(self, *, has_labels: bool) -> None:
        figures = patterns("thresholds").figures
        self.threshold = figures["near_similarity"]
        self._targets = figures["similar_targets"]
        self._has_labels = has_labels

    def holds(self, one: Seen, other: Seen) -> bool:
        """Whether the two are nearly the same; whichever comes first."""
        if one.numbers != other.numbers or similarity(one.runs, other.runs) < self.threshold:
            return False
        if not self._answer_alike(one.sample, other.sample):
            return False
        return differ_little(asked(one.sample), asked(other.sample))

    def _answer_alike(self, one: Sample, other: Sample) -> bool:
        first, second = normalise(one.target), normalise(other.target)
        if first == second:
            return True
        if self._has_labels or numbers_of(first) != numbers_of(second):
            return False
        return bool(similarity(_grams(first), _grams(second)) >= self._targets)


def common_form(samples: Iterable[Sample]) -> frozenset[str]:
    """Runs that a tenth of the distinct texts share."""
    return common_runs([shingles(text) for text in {normalise(asked(s)) for s in samples}])


def numbers_of(text: str) -> list[str]:
    """The numbers in a text, in order of their digits: texts that differ in one are different."""
    return sorted(_NUMBER.findall(text))


def differ_little(one: str, other: str) -> bool:
    """Whether the sentences that only one of two texts has are alike, so that the same was asked.

    Two questions on one long passage are not.
    """
    first, second = (
        dict.fromkeys(normalise(part) for part in _SENTENCE.split(text) if part.strip())
        for text in (one, other)
    )
    mine = " ".join(part for part in first if part not in second)
    yours = " ".join(part for part in second if part not in first)
    return not mine or not yours or similarity(_grams(mine), _grams(yours)) >= LIKE_ENOUGH


def _grams(text: str) -> set[str]:
    joined = f" {text} "
    return {joined[n : n + 3] for n in range(len(joined) - 2)}
