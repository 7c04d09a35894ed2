"""Targets that stand in their inputs although the task is not to extract."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.patterns import patterns

FEWEST_WORDS = 5


class Copies:
    """Looks for long targets that their inputs give away."""

    def __init__(self) -> None:
        self._figures = patterns("thresholds").figures
        self._places = array("L")
        self._inside = 0

    def see(self, look: Look) -> None:
        """Take one row."""
        if not look.target or len(look.target) > len(look.asked):
            return
        if look.target in look.asked:
            self._inside += 1
            is_long = len(look.target) >= self._figures["copied_characters"]
            if is_long and look.target.count(" ") >= FEWEST_WORDS - 1 and look.sample.input:
                self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for targets given away; a note where extracting is the task."""
        if not self._places:
            return
        extracts = self._inside >= self._figures["extractive_share"] * whole.rows
        yield Found(
            "answer_in_input",
            "note" if extracts else "warning",
            self._places,
            f"{counted(len(self._places), 'long target')} standing word for word in the input"
            + (", as in most rows: the task looks like extraction." if extracts else "."),
            "Take the answer out of the input, unless copying it is the task.",
        )
