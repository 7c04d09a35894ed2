"""Conversations of which no assistant turn is learnt from, and rows that a model wrote but test."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole


class SyntheticTests:
    """Looks for rows marked as written by a model that stand in the test split."""

    def __init__(self) -> None:
        self._places = array("L")

    def see(self, look: Look) -> None:
        """Take one row."""
        if look.sample.split == "test" and look.sample.synthetic_by:
            self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for invented test rows."""
        del whole
        if self._places:
            yield Found(
                "synthetic_in_test",
                "error",
                self._places,
                f"{counted(len(self._places), 'test row')} written by a model.",
                "Test on collected rows only; let these train, or delete them.",
            )
