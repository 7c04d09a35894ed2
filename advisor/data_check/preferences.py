"""Pairs and marks that teach nothing, or teach the length of an answer."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole, fingerprint
from advisor.data_check.normal import normalise
from advisor.patterns import patterns


class Preferences:
    """Looks at pairs of a better and a worse answer."""

    def __init__(self) -> None:
        self._equal = array("L")
        self._keys = array("Q")
        self._chosen = array("Q")
        self._rejected = array("Q")
        self._places = array("L")
        self._longer = 0
        self._shorter = 0

    def see(self, look: Look) -> None:
        """Take one row."""
        worse = look.sample.rejected
        if worse is None:
            return
        rejected = normalise(worse)
        if rejected == look.target:
            self._equal.append(look.place)
            return
        self._places.append(look.place)
        self._keys.append(look.key)
        self._chosen.append(look.target_key)
        self._rejected.append(fingerprint(rejected))
        self._longer += len(look.target) > 1.1 * len(rejected)
        self._shorter += len(rejected) > 1.1 * len(look.target)

    def swapped(self) -> set[int]:
        """Places of pairs that say the opposite of another pair on the same input."""
        rows: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        for place, *pair in zip(
            self._places, self._keys, self._chosen, self._rejected, strict=True
        ):
            rows[(pair[0], pair[1], pair[2])].append(place)
        return {
            place
            for (key, chosen, rejected), held in rows.items()
            if (key, rejected, chosen) in rows
            for place in held
        }

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problems to show for pairs."""
        del whole
        if self._equal:
            yield Found(
                "preference_equal",
                "error",
                self._equal,
                f"{counted(len(self._equal), 'pair')} with the same answer as better and worse.",
                "Delete them; they teach nothing and push the loss apart.",
            )
        figures = patterns("thresholds").figures
        pairs = len(self._places)
        for count, word in ((self._longer, "longer"), (self._shorter, "shorter")):
            share = count / pairs if pairs else 0.0
            if pairs >= figures["pairs_to_judge"] and share >= figures["length_bias_share"]:
                yield Found(
                    "preference_length_bias",
                    "warning",
                    (),
                    f"In {count} of {pairs} pairs ({share:.0%}) the better answer is the {word}"
                    " one.",
                    f"The model may learn only to answer {word}; add pairs in which the other one"
                    " is better.",
                )


class Marks:
    """Looks at answers marked as good or bad."""

    def __init__(self) -> None:
        self._good = 0
        self._bad = 0

    def see(self, look: Look) -> None:
        """Take one row."""
        if look.sample.is_good is not None:
            self._good += look.sample.is_good
            self._bad += not look.sample.is_good

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for marks that nearly all agree."""
        del whole
        rows = self._good + self._bad
        least = patterns("thresholds").figures["rarer_mark_share"]
        if rows and min(self._good, self._bad) < least * rows:
            yield Found(
                "kto_one_sided",
                "warning",
                (),
                f"{self._good} answers are marked good and {self._bad} bad.",
                "Marked answers teach by both kinds; add some of the rarer one.",
            )
