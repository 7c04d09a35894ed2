"""Targets that fall into a loop, as a model that wrote them may."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole

FEWEST_WORDS = 8
LONGEST_PERIOD = 30
DISTINCT_ENOUGH = 0.6
"""Distinct words as a share of all above which nothing loops."""
ROUNDS = 4
"""Times a run of words follows itself."""
SINGLE_WORD_ROUNDS = 6
_STUTTER = re.compile(r"([^\W\d_])\1{14,}")


class Repetition:
    """Looks for targets that repeat themselves."""

    def __init__(self) -> None:
        self._places = array("L")
        self._first = ""

    def see(self, look: Look) -> None:
        """Take one row."""
        if loop := looped(look.target):
            self._first = self._first or loop
            self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for loops."""
        if self._places:
            where = whole.ledger.where(self._places[0])
            yield Found(
                "repeated_text",
                "warning",
                self._places,
                f"{counted(len(self._places), 'target')} repeating the same words over and over;"
                f" {where}: '{self._first}'.",
                "Delete them or cut them before the loop.",
            )


def looped(target: str) -> str:
    """What a normalised target repeats without end; empty where it does not."""
    if len(target) > 20 and (stutter := _STUTTER.search(target)):
        return stutter.group()[:20]
    words = target.split()
    if len(words) < FEWEST_WORDS or len(set(words)) > DISTINCT_ENOUGH * len(words) + 1:
        return ""
    if len(set(zip(words, words[1:], words[2:], strict=False))) == len(words) - 2:
        return ""  # a loop has the same three words twice
    for start, period in _loops(words):
        run = " ".join(words[start : start + period])
        if sum(map(str.isalpha, run)) >= max(2, len(run) // 2):
            return run[:60]
    return ""


def _loops(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where runs of words begin that follow themselves often enough, and how long one is.

    In a loop every pair of words stands as far behind its last place as the loop is long.
    """
    last: dict[tuple[str, str], int] = {}
    distance = run = 0
    for place, pair in enumerate(pairwise(words)):
        apart = place - last.get(pair, place)
        last[pair] = place
        run = run + 1 if apart == distance else 1
        distance = apart
        rounds = SINGLE_WORD_ROUNDS if apart == 1 else ROUNDS
        if 0 < apart <= LONGEST_PERIOD and run >= apart * (rounds - 1) - 1:
            yield place - run - apart + 1, apart
